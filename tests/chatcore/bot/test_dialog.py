"""What a bot does with what people say."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal, get_args

import pytest
import trio.testing

from chatcore.bot import Bot, BotError, Channel, Context, MemberCard, NoAnswer, Rate
from chatcore.bot.bot import EventName
from chatcore.bot.journal import Memory
from chatcore.events import EVENTS, MemberJoined, ReactionAdded
from chatcore.testing.bots import Stage, bot_tester


async def test_the_fixture_of_the_pytest_plugin_tests_a_bot(bot_tester: Any) -> None:
    bot = Bot("still")
    await bot_tester(bot).dialog(["ada: hello"])


async def test_the_test_of_a_bot_has_six_lines() -> None:
    bot = Bot("dice")

    @bot.command()
    async def roll(ctx, sides: int = 6):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as on the front page
        await ctx.reply(f"1..{sides}")

    await bot_tester(bot).dialog(["ada: !roll 20", "dice: 1..20", "ada: hello", "ada: !roll", "dice: 1..6"])


async def test_slash_commands_are_announced_and_answered() -> None:
    bot = Bot("roles")

    @bot.command()
    async def set_role(ctx: Context, who: str, role: Literal["cook", "guest"], note: str = "") -> None:
        """Give a role."""
        await ctx.reply(f"{who} is {role}")

    async with bot_tester(bot).open() as stage:
        await stage.play(["ada: /set-role ben cook", "roles: ben is cook"])
        await stage.play(["ada: !set_role ben guest", "roles: ben is guest", "ada: /shrug"])
        (command,) = await stage.chat.commands.list(stage.workspace, actor=stage.owner)
        assert (command.name, command.about, command.owner, command.bot) == ("set-role", "Give a role.", "roles", True)
        assert [(each.name, each.choices, each.required) for each in command.parameters] == [
            ("who", (), True),
            ("role", ("cook", "guest"), True),
            ("note", (), False),
        ]


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "dark blue"


@pytest.fixture
def echo() -> Bot:
    """A bot that says what it was given."""
    bot = Bot("echo")

    @bot.command()
    async def take(
        ctx: Context,
        number: int,
        ratio: float = 0.5,
        sure: bool = False,
        size: Literal["small", "large"] = "small",
        colour: Colour = Colour.RED,
        wait: timedelta | None = None,
    ) -> None:
        await ctx.reply(f"{number} {ratio} {sure} {size} {colour.name} {wait}")

    @bot.command()
    async def tell(ctx: Context, who: MemberCard, where: Channel, *, text: str) -> None:
        await ctx.reply(f"{who.display_name} #{where.name} [{text}]")

    @bot.command(aliases=["opts"])
    async def options(ctx: Context, question: str, *choices: int) -> None:
        """Ask something.

        With numbers to choose from.
        """
        await ctx.reply(f"{question} {choices}")

    return bot


async def test_arguments_are_converted(echo: Bot) -> None:
    await bot_tester(echo).dialog(
        [
            "ada: !take 7",
            "echo: 7 0.5 False small RED None",
            'ada: !take -7 1,5 yes LARGE "dark blue" 1h30m',
            "echo: -7 1.5 True large DARK_BLUE 1:30:00",
            'ada: !tell @ada #general "two  words"  and the rest ',
            'echo: ada #general ["two  words"  and the rest]',
            "ada: !opts “Lunch at 12?” 1 2 3",
            "echo: Lunch at 12? (1, 2, 3)",
            "ada: !options alone",
            "echo: alone ()",
        ]
    )


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!take", "`number` is missing."),
        ("!take six", "`number` must be a whole number, not “six”."),
        ("!take ٣", "`number` must be a whole number, not “٣”."),
        ("!take 1 much", "`ratio` must be a number, not “much”."),
        ("!take 1 1 perhaps", "`sure` must be yes or no, not “perhaps”."),
        ("!take 1 1 yes huge", "`size` must be one of small, large, not “huge”."),
        ("!take 1 1 yes small green", "`colour` must be one of red, dark blue, not “green”."),
        ("!take 1 1 yes small red later", "`wait` must be a time like 30s, 15m, 2h, 1d or 1h30m, not “later”."),
        ("!take 1 1 yes small red 1h and more", "“and more” is too much."),
        ("!tell nobody #general x", "`who` must be a member of this workspace, like @Ada, not “nobody”."),
        ("!tell @ada #nowhere x", "`where` must be a channel that I can see, like #general, not “#nowhere”."),
    ],
)
async def test_what_does_not_fit_is_answered_with_what_would(echo: Bot, said: str, answer: str) -> None:
    usage = {
        "take": "`!take <number> [ratio=0.5] [sure=False] [small|large=small] [red|dark blue=red] [wait]`",
        "tell": "`!tell <who> <where> <text...>`",
    }[said[1:5]]
    # The sentence of the conversion has no full stop of its own.
    await bot_tester(echo).dialog([f"ada: {said}", f"echo: {answer.removesuffix('.')}. Usage: {usage}"])


async def test_the_bot_explains_itself(echo: Bot) -> None:
    await bot_tester(echo).dialog(
        [
            "ada: !help",
            "echo: /`!take .*\n`!tell .*\n`!options <question> .choices...]` – Ask something.\n.*/",
            "ada: !help options",
            "echo: /`!options .*`\nAsk something.\n\nWith numbers to choose from.\nAlso: `!opts`/",
            "ada: !help takes",
            "echo: I do not know “takes”. Did you mean `!take`? `!help` lists what I do.",
            "ada: @echo tak",
            "echo: I do not know “tak”. Did you mean `!take`? `!help` lists what I do.",
            # Another bot may know it.
            "ada: !somethingelse",
            # Nobody is meant.
            "ada: !",
            "ada: !!!",
            "ada: @echo",
            "echo: /`!take .*/",
        ]
    )


async def test_commands_follow_a_mention_and_need_nothing_in_a_direct_message(echo: Bot) -> None:
    async with bot_tester(echo).open() as stage:
        ada = await stage.person("ada")
        me = (await stage.chat.users.by_email("echo@bots.invalid")).id
        await stage.play(
            [
                f"ada: <@{me}> options a",
                "echo: a ()",
                "ada: @Echo, options b",
                "echo: b ()",
                "ada: @echoes options c",
                "ada: options d",
            ]
        )
        pair, _ = await stage.chat.channels.direct(stage.workspace, [me, stage.owner.id], actor=ada)
        await stage.say("ada", "options e", channel=pair)
        assert (await stage.expect("e ()")).channel_id == pair.id


async def test_only_the_powerful_may() -> None:
    bot = Bot("gate")

    @bot.command(role="admin")
    async def close(ctx: Context) -> None:
        await ctx.reply("closed")

    await bot_tester(bot, boss="admin").dialog(
        [
            "ada: !close",
            "gate: Only admins and owners may use `!close`.",
            "boss: !close",
            "gate: closed",
            "ada: !help",
            "gate: `!help <command>` says more.",
            "boss: !help close",
            "gate: `!close`\nFor: admins and owners.",
        ]
    )


async def test_failures_are_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("oven")

    @bot.command()
    async def bake(ctx: Context) -> None:
        raise BotError("The oven is off.")

    @bot.command()
    async def burn(ctx: Context) -> None:
        raise ZeroDivisionError

    @bot.command()
    async def shout(ctx: Context) -> None:
        await ctx.send("hey", channel="nowhere")

    await bot_tester(bot).dialog(
        [
            "ada: !bake",
            "oven: The oven is off.",
            "ada: !burn",
            "oven: Something went wrong. It is in my log; please tell whoever runs me.",
            "ada: !shout",
            "oven: There is no channel 'nowhere', or I may not see it.",
        ]
    )
    assert "ZeroDivisionError" in caplog.text


async def test_listeners_hear_what_is_no_command() -> None:
    bot = Bot("ear")

    @bot.pattern(r"\bticket (\d+)")
    async def ticket(ctx: Context) -> None:
        await ctx.reply(f"https://tickets.example.org/{ctx.match[1]}", thread=True)

    @bot.on_message()
    async def count(ctx: Context) -> None:
        number = await ctx.shelf.update("count", lambda count: (count or 0) + 1)
        if number == 3:
            await ctx.react("🎉")

    @bot.on("reaction_added")
    async def reacted(ctx: Context) -> None:
        assert isinstance(ctx.event, ReactionAdded)
        with pytest.raises(RuntimeError):
            assert ctx.message
        await ctx.send(ctx.event.emoji, channel=ctx.event.channel_id)

    async with bot_tester(bot).open() as stage:
        asked = await stage.say("ada", "see Ticket 12")
        answer = await stage.expect("https://tickets.example.org/12")
        assert answer.thread_id == asked.id
        await stage.play(["ada: two", "ada: three", "ear: 🎉"])
        assert await stage.shelf.get("count") == 3


async def test_who_joins_is_greeted() -> None:
    bot = Bot("host")

    @bot.on("member_joined")
    async def joined(ctx: Context) -> None:
        assert isinstance(ctx.event, MemberJoined)
        if ctx.event.channel is None:
            await ctx.direct("Welcome!", to=ctx.event.member)

    async with bot_tester(bot).open() as stage:
        ada = await stage.person("ada")
        await trio.testing.wait_all_tasks_blocked(0.01)
        (pair,) = [each for each in await stage.chat.channels.list(stage.workspace, actor=ada) if each.members]
        assert pair.last_message is not None
        assert pair.last_message.content == "Welcome!"


@pytest.fixture
def barista() -> Bot:
    bot = Bot("barista")

    @bot.command()
    async def coffee(ctx: Context) -> None:
        cups = await ctx.ask("How many cups?", int, patience=60)
        kind = await ctx.ask("Which kind?")
        await ctx.reply(f"{cups} x {kind}")

    @bot.command()
    async def tea(ctx: Context) -> None:
        try:
            await ctx.ask("Green?", bool, patience=60)
        except NoAnswer:
            await ctx.reply("No tea, then.")

    @bot.on_message()
    async def chat(ctx: Context) -> None:
        await ctx.reply("I only listen to orders.")

    return bot


async def test_a_dialog(barista: Bot) -> None:
    await bot_tester(barista).dialog(
        [
            "ada: !coffee",
            "barista: How many cups?",
            "ben: what is going on?",
            "barista: I only listen to orders.",
            "ada: some",
            "barista: That must be a whole number. How many cups?",
            "ada: 2",
            "barista: Which kind?",
            "ben: !coffee",
            "barista: How many cups?",
            "ben: 3",
            "barista: Which kind?",
            "ada: black",
            "barista: 2 x black",
            "ben: white",
            "barista: 3 x white",
        ]
    )


async def test_dialogs_end(barista: Bot, autojump_clock: object) -> None:
    await bot_tester(barista).dialog(
        [
            "ada: !coffee",
            "barista: How many cups?",
            "ada: !cancel",
            "barista: Cancelled.",
            "ada: !coffee",
            "barista: How many cups?",
            "-- 61s",
            "barista: I have waited 1m for an answer: begin again when you are ready.",
            "ada: !tea",
            "barista: Green?",
            "-- 61s",
            "barista: No tea, then.",
            "ada: !coffee",
            "barista: How many cups?",
            "ada: a",
            "barista: That must be a whole number. How many cups?",
            "ada: b",
            "barista: That must be a whole number. How many cups?",
            "ada: c",
            "barista: Let us leave it at that.",
            "ada: !coffee",
            "barista: How many cups?",
            # Another dialog takes its place.
            "ada: !tea",
            "barista: Green?",
            "ada: yes",
        ]
    )


async def test_schedules_keep_time(autojump_clock: object) -> None:
    bot = Bot("clock")

    @bot.every("15m")
    async def tick(ctx: Context) -> None:
        await ctx.send(f"{ctx.now():%H:%M}", channel="general")

    @bot.daily("14:40", zone="Europe/Berlin")
    async def tea(ctx: Context) -> None:
        await ctx.send("Tea time", channel="#general")

    await bot_tester(bot).dialog(["-- 50m", "clock: 12:15", "clock: 12:30", "clock: 12:45"])
    await bot_tester(bot).dialog(
        [
            "-- 100m",
            *[f"clock: {at}" for at in ("12:15", "12:30", "12:45", "13:00", "13:15", "13:30")],
            "clock: Tea time",
        ]
    )


async def test_middleware_is_around_everything() -> None:
    bot, seen = Bot("onion"), list[str]()

    @bot.middleware
    async def outer(ctx: Context, call_next: Callable[[], Awaitable[None]]) -> None:
        seen.append("outer")
        await call_next()
        seen.append("end")

    @bot.middleware
    async def gate(ctx: Context, call_next: Callable[[], Awaitable[None]]) -> None:
        if ctx.text == "secret":
            raise BotError("Not that.")
        await call_next()

    @bot.command()
    async def show(ctx: Context, what: str) -> None:
        await ctx.reply(what)

    await bot_tester(bot).dialog(["ada: !show it", "onion: it", "ada: !show secret", "onion: Not that."])
    assert seen == ["outer", "end", "outer"]


async def test_bots_do_not_talk_to_each_other_for_ever() -> None:
    parrot = Bot("parrot", rate=Rate(at_once=3, per_second=0.001))

    @parrot.on_message(bots=True)
    async def repeat(ctx: Context) -> None:
        await ctx.reply(ctx.message.content)

    @parrot.command()
    async def hello(ctx: Context) -> None:
        await ctx.reply("hello")

    async with bot_tester(parrot).open() as stage:
        other = await stage.chat.users.create(email="other@example.org", display_name="other", is_bot=True)
        await stage.chat.members.add(stage.workspace, other)
        stage.people["other"] = other
        # As a loop would: five answers, then silence; commands of bots are not listened to at all.
        for number in range(5):
            await stage.play([f"other: {number}", f"parrot: {number}"])
        await stage.play([f"other: {number}" for number in range(3)])
        await stage.play(["other: !hello"])
        # A person may cause more, but not without end.
        for number in range(3):
            await stage.play([f"ada: {number}", f"parrot: {number}"])
        await stage.play(["ada: more"])


async def test_public_channels_are_joined_to_answer(echo: Bot) -> None:
    async with bot_tester(echo).open() as stage:
        await stage.person("ada")
        room = await stage.chat.channels.create(stage.workspace, name="room", actor=stage.owner)
        await stage.chat.channels.join(room, actor=stage.people["ada"])
        await stage.say("ada", "!options here", channel=room)
        assert (await stage.expect("here ()")).channel_id == room.id


async def test_a_bot_that_starts_anew_goes_on_where_it_was(barista: Bot) -> None:
    """Also in the middle of a dialog: what was asked is not asked again, what was answered counts."""
    shelf = Memory()
    async with bot_tester(barista).open(shelf=shelf) as stage:
        await stage.play(["ada: !coffee", "barista: How many cups?"])
        async with stopped(stage):
            await stage.say("ada", "2")
        await stage.play(["barista: Which kind?"])
        async with stopped(stage):
            await stage.say("ben", "!tea")
        await stage.play(["barista: Green?", "ada: black", "barista: 2 x black"])
        page = await stage.chat.messages.history(stage.channel, actor=stage.owner)
        assert len(re.findall(r"How many|Which", str([each.content for each in page.messages]))) == 2


@asynccontextmanager
async def stopped(stage: Stage) -> AsyncIterator[None]:
    """The bot is not running."""
    await stage.stop()
    yield
    await stage.start()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda bot: bot.command()(lambda ctx: None), "must be an async function"),
        (lambda bot: bot.command()(_without), "must take ctx first"),
        (lambda bot: bot.command()(_strange), "command _strange, what: a command cannot take bytes: it takes str, int"),
        (lambda bot: bot.command()(_unknown), "command _unknown: .* 'Nowhere' is not defined"),
        (lambda bot: bot.command()(_forgotten), r"async def _forgotten\(ctx, sides, …\)"),
        (lambda bot: bot.command()(_defaulted), "_defaulted must take ctx first"),
        (lambda bot: bot.command()(_Class.method), "method is a method"),
        (lambda bot: bot.command()(_late), "stands behind one that is not"),
        (lambda bot: bot.command("take")(_good), "there is a command 'take' already"),
        (lambda bot: bot.command("two words")(_good), "a command is one word"),
        (lambda bot: bot.command(aliases="g")(_good), r"write aliases=\['g'\]"),
        (lambda bot: bot.command(role="king"), "'king' is not a valid Role"),
        (lambda bot: bot.command(_good), r"write @bot.command\(…\), with parentheses"),
        (lambda bot: bot.pattern(_good), "with parentheses"),
        (lambda bot: bot.every(_good), "with parentheses"),
        (lambda bot: bot.daily(_good), "with parentheses"),
        (lambda bot: bot.on(_good), "with parentheses"),
        (lambda bot: bot.every("soon"), "must be a time like"),
        (lambda bot: bot.every("0s"), "at least a second"),
        (lambda bot: bot.daily("25:00"), "no time of the day"),
        (lambda bot: bot.on("nothing"), "there is no event"),
        (lambda bot: bot.on("message_recieved"), "did you mean 'message_received'"),
        (lambda bot: Bot("Not A Name"), "is no name for a bot"),
    ],
)
def test_mistakes_are_told_when_they_are_made(echo: Bot, make, problem: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with pytest.raises((TypeError, ValueError), match=problem):
        make(echo)


async def _without() -> None: ...


async def _good(ctx: Context) -> None: ...


async def _strange(ctx: Context, what: bytes) -> None: ...


async def _late(ctx: Context, a: int = 1, *, b: str) -> None: ...


async def _unknown(ctx: Context, what: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is the mistake


async def _forgotten(sides: int) -> None: ...


async def _defaulted(sides=6) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - as somebody writes it


class _Class:
    async def method(self, ctx: Context) -> None: ...


def test_every_event_can_be_listened_for() -> None:
    assert {*get_args(EventName)} == {*EVENTS, "resynced"}


async def test_what_a_handler_returns_is_said_to_be_seen_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot("mute")

    @bot.command()
    async def say(ctx):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - mypy would have seen it
        return "hello"

    @bot.command()
    async def number(ctx):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        await ctx.reply(42)

    fault = "mute: Something went wrong. It is in my log; please tell whoever runs me."
    await bot_tester(bot).dialog(["ada: !say", "ada: !number", fault])
    assert "command.say returned a str, which nobody sees" in caplog.text
    assert "a message is text, not int" in caplog.text


async def test_a_test_that_fails_shows_the_conversation_and_nothing_else() -> None:
    """The failure itself, in no group, so that what pytest prints begins and ends with it."""
    bot = Bot("dice")

    @bot.command()
    async def roll(ctx: Context, sides: int = 6) -> None:
        await ctx.reply(f"1..{sides}")

    with pytest.raises(AssertionError) as failed:
        await bot_tester(bot).dialog(["ada: !roll 20", "dice: 1..21"])
    assert str(failed.value) == "dice was to say: 1..21; the conversation:\nada: !roll 20\ndice: 1..20"
    with pytest.raises(AssertionError, match="was to say nothing more"):
        await bot_tester(bot).dialog(["ada: !roll 20"])


async def test_the_text_of_a_command_may_begin_on_the_next_line() -> None:
    bot = Bot("scribe")

    @bot.command()
    async def note(ctx: Context, *, text: str) -> None:
        await ctx.reply(f"[{text}]")

    await bot_tester(bot).dialog(
        [
            "ada: !note\none\ntwo",
            "scribe: [one\ntwo]",
            "ada: @scribe\nnote x",
            "scribe: [x]",
            "ada: /note\ty",
            "scribe: [y]",
        ]
    )


def dice(word: str) -> int:
    """Sides, as people who play write them: `d20`."""
    if not word.startswith("d") or not word[1:].isdecimal():
        raise ValueError("must be a die like d20")
    return int(word[1:])


async def test_a_function_of_ones_own_converts() -> None:
    bot = Bot("dice")

    @bot.command()
    async def roll(ctx: Context, sides: Annotated[int, dice], at: Annotated[float, "seconds"] = 0.5) -> None:
        await ctx.reply(f"1..{sides + 1} {at}")

    lines = ["ada: !roll d19 2", "dice: 1..20 2.0", "ada: !roll 20"]
    said = "dice: `sides` must be a die like d20, not “20”. Usage: `!roll <sides> [at=0.5]`"
    await bot_tester(bot).dialog([*lines, said])


async def test_a_start_is_noticed_each_time() -> None:
    bot = Bot("early")

    @bot.on_start
    async def awake(ctx: Context) -> None:
        await ctx.send("Good morning.", channel="general")

    async with bot_tester(bot).open() as stage:
        await stage.play(["early: Good morning."])
        async with stopped(stage):
            pass
        await stage.play(["early: Good morning.", "ada: hello"])
