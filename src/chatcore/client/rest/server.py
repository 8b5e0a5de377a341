"""The server itself."""

import attrs

from chatcore.client.answers import Health
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint

HEALTH = Endpoint("GET", "/api/health", Health)


@attrs.frozen
class Server:
    """`client.server`."""

    _api: Api

    async def health(self) -> Health:
        """Whether the server answers, and its version."""
        return await self._api.call(HEALTH)
