"""Which messages are said to the bot, and as which command.

!roll 20      @dice roll 20      <@id>, roll 20      /roll 20      roll 20 (in a direct message)
"""

import attrs

from chatcore.bot.bot import Bot
from chatcore.bot.command import Command
from chatcore.ids import UserId


@attrs.frozen
class Line:
    """The `name` of a command as it was typed, and the `rest`. `meant`: the bot itself was, and no other one."""

    name: str
    rest: str
    meant: bool


def addressed(bot: Bot, text: str, me: UserId, *, direct: bool) -> Line | None:
    """What a message says to the bot, whose account is `me`; None: nothing. `direct`: it is a direct message."""
    text = text.strip()
    if text.startswith(bot.prefix):
        return _line(text.removeprefix(bot.prefix), meant=False)
    for called in (f"<@{me}>", f"@{bot.name}"):
        rest = text[len(called) :]
        if text[: len(called)].casefold() == called.casefold() and (not rest or rest[0].isspace() or rest[0] in ",:"):
            return _line(rest.lstrip(" \t\n,:").removeprefix(bot.prefix), meant=True)
    word = (text.split(maxsplit=1) or [""])[0]
    if word.startswith("/") and command_named(bot, word[1:]) is not None:
        return _line(text[1:], meant=False)
    if direct and command_named(bot, word) is not None:
        return _line(text, meant=True)
    return None


def command_named(bot: Bot, name: str) -> Command | None:
    """The command of this name, as it is or as it is written behind a slash."""
    return bot.commands.get(name.lower()) or bot.commands.get(name.lower().replace("-", "_"))


def _line(text: str, *, meant: bool) -> Line:
    """The text of a command may begin on the next line. Who says no more than the bot's name is told what it does."""
    words = text.split(maxsplit=1)
    if not words:
        return Line("help" if meant else "", "", meant)
    return Line(words[0], "".join(words[1:]).strip(), meant)
