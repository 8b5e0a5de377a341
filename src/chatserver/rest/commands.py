"""Slash commands."""

from typing import Annotated

import attrs

from chatcore.model import Command, CommandParameter, TokenScope
from chatcore.model.command import CommandName
from chatserver.fields import Items, Slug, Text
from chatserver.parts import Call
from chatserver.route import route


@attrs.frozen(kw_only=True)
class CommandListResponse:
    """By name."""

    commands: tuple[Command, ...]


@attrs.frozen(kw_only=True)
class AnnouncedCommand:
    name: CommandName
    about: Annotated[str, Text(0, 200)] = ""
    parameters: Annotated[tuple[CommandParameter, ...], Items(0, 10)] = ()


@attrs.frozen(kw_only=True)
class AnnounceCommandsRequest:
    commands: Annotated[tuple[AnnouncedCommand, ...], Items(0, 50)]


async def list_commands(call: Call, slug: Slug) -> CommandListResponse:
    """What may be typed after a slash in a workspace, with what to offer while somebody types.

    It is sent as a message. A plugin's command is run by the server: nothing is stored, and the answer is a message
    with `seq` 0 that only its caller gets. A bot's is an ordinary message, which the bot answers.
    """
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    return CommandListResponse(commands=tuple(await call.chat.commands.list(workspace_id, actor=call.actor)))


async def announce_commands(call: Call, body: AnnounceCommandsRequest) -> None:
    """For bots: say which commands one answers, in the place of those announced before."""
    await call.chat.commands.announce(
        [Command(name=each.name, about=each.about, parameters=each.parameters) for each in body.commands],
        actor=call.actor,
    )


ROUTES = (
    route("GET", "/api/workspaces/:slug/commands", list_commands, needs=TokenScope.COMMANDS_READ),
    route("PUT", "/api/users/me/commands", announce_commands, needs=TokenScope.COMMANDS_WRITE, status=204),
)
