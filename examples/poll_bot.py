"""A bot that asks a channel: people vote with reactions, and it counts them while they do."""

from chatcore.bot import Bot, BotError, Context
from chatcore.events import ReactionAdded, ReactionRemoved

bot = Bot("poll", about="I ask, you vote with reactions.")

DIGITS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣")


@bot.command()
async def poll(ctx: Context, question: str, *options: str) -> None:
    """Ask: `!poll "Lunch?" pizza "green salad"`. With up to nine options."""
    if not 2 <= len(options) <= len(DIGITS):
        raise BotError(f"Give 2 to {len(DIGITS)} options; quotes keep words together.")
    message = await ctx.reply(shown(question, list(options), {}))
    await ctx.shelf.put(f"poll.{message.id}", {"question": question, "options": list(options), "votes": {}})


@bot.on("reaction_added")
@bot.on("reaction_removed")
async def voted(ctx: Context) -> None:
    event = ctx.event
    assert isinstance(event, ReactionAdded | ReactionRemoved)
    key = f"poll.{event.message_id}"
    if event.emoji not in DIGITS or await ctx.shelf.get(key) is None:
        return
    added = isinstance(event, ReactionAdded)

    def count(stored: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        # A set of people for each option: counting the same event twice changes nothing.
        voters = set(stored["votes"].get(event.emoji, []))
        changed = voters | {event.user_id} if added else voters - {event.user_id}
        return {**stored, "votes": {**stored["votes"], event.emoji: sorted(changed)}}

    stored = await ctx.shelf.update(key, count)
    await ctx.place.edit(event.message_id, shown(stored["question"], stored["options"], stored["votes"]))


def shown(question: str, options: list[str], votes: dict[str, list[str]]) -> str:
    """The poll as a message."""
    lines = [f"{digit} {option}: {len(votes.get(digit, []))}" for digit, option in zip(DIGITS, options, strict=False)]
    return "\n".join([f"**{question}**", *lines])


if __name__ == "__main__":
    bot.run()
