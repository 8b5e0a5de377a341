"""A bot that asks each member of a team three questions every morning, alone, and tells the team what they said."""

from chatcore.bot import Bot, Context, NoAnswer

bot = Bot("standup", about="I hold the standup. Say `!standup` to me in a direct message.")

QUESTIONS = ("What did you do yesterday?", "What will you do today?", "Is something in your way?")


@bot.daily("09:00", days=range(5))
async def morning(ctx: Context) -> None:
    """Invite everybody; the answers are given in a dialog of their own."""
    for member in ctx.state.members.values():
        if not member.is_bot and not member.deactivated and member.role != "guest":
            await ctx.direct("Good morning! Say `standup` when you have two minutes.", to=member)


@bot.command()
async def standup(ctx: Context, channel: str = "general") -> None:
    """Answer three questions; the channel gets to read them."""
    answers: list[str] = []
    for question in QUESTIONS:
        try:
            answers.append(await ctx.ask(question, patience=3600))
        except NoAnswer:
            await ctx.reply("Let us talk tomorrow, then.")
            return
    told = "\n".join(f"*{question}* {answer}" for question, answer in zip(QUESTIONS, answers, strict=True))
    await ctx.send(f"{ctx.author.display_name}:\n{told}", channel=channel)
    await ctx.reply(f"Thank you, #{channel} knows.")


if __name__ == "__main__":
    bot.run()
