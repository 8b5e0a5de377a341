"""Slash commands: what may be typed after a slash, with what to offer while somebody types."""

from collections.abc import Sequence

import attrs

from chatcore import wire
from chatcore.client.answers import CommandList
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint
from chatcore.model import Command

LIST = Endpoint("GET", "/api/workspaces/:slug/commands", CommandList)
ANNOUNCE = Endpoint("PUT", "/api/users/me/commands", type(None))


@attrs.frozen
class Commands:
    """`client.commands`."""

    _api: Api

    async def list(self, slug: str) -> tuple[Command, ...]:
        """The commands of plugins and bots, by name."""
        return (await self._api.call(LIST, slug=slug)).commands

    async def announce(self, commands: Sequence[Command]) -> None:
        """For bots: say which commands one answers, in the place of those announced before."""
        told = [
            {"name": each.name, "about": each.about, "parameters": wire.to_json(each.parameters)} for each in commands
        ]
        await self._api.call(ANNOUNCE, body={"commands": told})
