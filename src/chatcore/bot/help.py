"""The help that a bot gives about itself: made from what is registered."""

import re
from difflib import get_close_matches

from chatcore.bot.bot import Bot
from chatcore.bot.command import Command
from chatcore.bot.converters import choices_of
from chatcore.model import Command as Announced
from chatcore.model import CommandParameter, Role

_SLASH = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
"""What may stand behind a slash."""


def overview(bot: Bot, role: Role | None) -> str:
    """Every command that somebody of this role may use."""
    lines = [bot.about] if bot.about else []
    for command in visible(bot, role):
        dash = f" – {command.summary}" if command.summary else ""
        lines.append(f"`{bot.prefix}{command.usage}`{dash}")
    lines.append(f"`{bot.prefix}help <command>` says more.")
    return "\n".join(lines)


def detail(bot: Bot, command: Command) -> str:
    """All about one command."""
    lines = [f"`{bot.prefix}{command.usage}`"]
    if command.doc:
        lines.append(command.doc)
    if command.aliases:
        lines.append("Also: " + ", ".join(f"`{bot.prefix}{alias}`" for alias in command.aliases))
    if command.role is not None:
        lines.append(f"For: {those_from(command.role)}.")
    return "\n".join(lines)


def unknown(bot: Bot, name: str, role: Role | None) -> str:
    """What to say to somebody who wants what there is not."""
    names = [command.name for command in visible(bot, role)]
    near = get_close_matches(name, names, 1)
    meant = f" Did you mean `{bot.prefix}{near[0]}`?" if near else ""
    return f"I do not know “{name}”.{meant} `{bot.prefix}help` lists what I do."


def visible(bot: Bot, role: Role | None) -> list[Command]:
    """The commands that somebody of this role may use, each once."""
    commands = {command.name: command for command in bot.commands.values()}
    return [each for each in commands.values() if not each.hidden and may_use(each, role)]


def announced(bot: Bot) -> list[Announced]:
    """The commands as slash commands, for clients that offer them while somebody types."""
    return [_announced(command) for command in visible(bot, Role.OWNER) if _SLASH.match(slash_name(command.name))]


def slash_name(name: str) -> str:
    """How a name is written behind a slash."""
    return name.replace("_", "-")


def _announced(command: Command) -> Announced:
    parameters = [
        CommandParameter(name=slash_name(each.name), choices=choices_of(each.annotation)[:50], required=each.needed)
        for each in command.arguments[:10]
        if _SLASH.match(slash_name(each.name))
    ]
    return Announced(name=slash_name(command.name), about=command.summary[:200], parameters=tuple(parameters))


def may_use(command: Command, role: Role | None) -> bool:
    """Whether a role is powerful enough."""
    if command.role is None:
        return True
    order = list(Role)
    return role is not None and order.index(role) <= order.index(command.role)


def those_from(least: Role) -> str:
    """`admins and owners`."""
    able = [f"{role}s" for role in reversed(list(Role)) if list(Role).index(role) <= list(Role).index(least)]
    return " and ".join([", ".join(able[:-1]), able[-1]] if len(able) > 1 else able)
