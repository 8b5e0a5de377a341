"""The tokens of a workspace's bots."""

from collections.abc import Sequence

import attrs

from chatcore.client.answers import MadeToken, TokenItem, TokenList
from chatcore.client.api import Api
from chatcore.client.endpoint import Endpoint, fields
from chatcore.ids import TokenId, UserId
from chatcore.model import TokenScope

CREATE = Endpoint("POST", "/api/workspaces/:slug/members/:userId/tokens", MadeToken)
LIST = Endpoint("GET", "/api/workspaces/:slug/members/:userId/tokens", TokenList)
REVOKE = Endpoint("DELETE", "/api/workspaces/:slug/members/:userId/tokens/:tokenId", type(None))


@attrs.frozen
class BotTokens:
    """`client.tokens`. For owners and admins of every workspace that the bot is in."""

    _api: Api

    async def create(
        self,
        slug: str,
        bot: UserId,
        *,
        name: str,
        scopes: Sequence[TokenScope] | None = None,
        expires_in: int | None = None,
    ) -> MadeToken:
        """A token for a bot, with its `secret`, which is shown this once.

        scopes: what it is for; None: everything that the bot may do. expires_in: in seconds.
        """
        wanted = None if scopes is None else list(scopes)
        body = fields(name=name, scopes=wanted, expires_in=expires_in)
        return await self._api.call(CREATE, body=body, slug=slug, user_id=bot)

    async def list(self, slug: str, bot: UserId) -> tuple[TokenItem, ...]:
        """The tokens of a bot, without their secrets; those that are over too."""
        return (await self._api.call(LIST, slug=slug, user_id=bot)).tokens

    async def revoke(self, slug: str, bot: UserId, token_id: TokenId) -> None:
        """End a token at once."""
        await self._api.call(REVOKE, slug=slug, user_id=bot, token_id=token_id)
