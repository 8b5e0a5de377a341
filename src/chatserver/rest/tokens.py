"""The tokens of a workspace's bots, for those who administer it."""

from datetime import datetime, timedelta
from typing import Annotated

import attrs

from chatcore.errors import NotFound
from chatcore.ids import TokenId, UserId
from chatcore.model import BotToken, TokenScope
from chatserver.fields import Items, Slug, Text, Whole
from chatserver.parts import Call
from chatserver.route import route

TokenName = Annotated[str, Text(1, 100)]
Scopes = Annotated[tuple[TokenScope, ...], Items(1, len(TokenScope))]
Seconds = Annotated[int, Whole(1, 10 * 365 * 24 * 3600)]


@attrs.frozen(kw_only=True)
class CreateTokenRequest:
    """Without `scopes` it is for everything that the bot may do; `expiresIn` is in seconds, without it it lasts."""

    name: TokenName
    scopes: Scopes | None = None
    expires_in: Seconds | None = None


@attrs.frozen(kw_only=True)
class TokenItem:
    """A token in the list; without `scopes` it is for everything."""

    id: TokenId
    name: str
    scopes: tuple[TokenScope, ...] | None = None
    created_by: UserId | None = None
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @classmethod
    def of(cls, token: BotToken) -> "TokenItem":
        return cls(
            id=token.id,
            name=token.name,
            scopes=token.scopes,
            created_by=token.created_by,
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )


@attrs.frozen(kw_only=True)
class TokenListResponse:
    """Oldest first; those that are over too."""

    tokens: tuple[TokenItem, ...]


@attrs.frozen(kw_only=True)
class MadeTokenResponse:
    """`secret` is the token itself, shown this once."""

    token: TokenItem
    secret: str


async def create_token(call: Call, slug: Slug, user_id: UserId, body: CreateTokenRequest) -> MadeTokenResponse:
    """Make a token for a bot; for owners and admins of every workspace that the bot is in.

    A bot with a token for some scopes cannot make one for more.
    """
    bot = await _bot(call, slug, user_id)
    call.me.require(TokenScope if body.scopes is None else body.scopes)
    ends = None if body.expires_in is None else call.chat.clock.now() + timedelta(seconds=body.expires_in)
    token, secret = await call.chat.tokens.create(
        bot, name=body.name, scopes=body.scopes, created_by=call.actor, expires_at=ends
    )
    return MadeTokenResponse(token=TokenItem.of(token), secret=secret)


async def list_tokens(call: Call, slug: Slug, user_id: UserId) -> TokenListResponse:
    """The tokens of a bot, without their secrets; for owners and admins of every workspace that the bot is in."""
    found = await call.chat.tokens.list(await _bot(call, slug, user_id))
    return TokenListResponse(tokens=tuple(TokenItem.of(token) for token in found))


async def revoke_token(call: Call, slug: Slug, user_id: UserId, token_id: TokenId) -> None:
    """End a token at once, and the sockets of its bot; for owners and admins of every workspace that the bot is in."""
    bot = await _bot(call, slug, user_id)
    if token_id not in [token.id for token in await call.chat.tokens.list(bot)]:
        raise NotFound.of("token")
    await call.chat.tokens.revoke(token_id, actor=call.actor)


async def _bot(call: Call, slug: str, user_id: UserId) -> UserId:
    workspace_id = await call.chat.workspaces.resolve(slug, actor=call.actor)
    return await call.chat.tokens.manageable(workspace_id, user_id, actor=call.actor)


PATH = "/api/workspaces/:slug/members/:userId/tokens"

ROUTES = (
    route("POST", PATH, create_token, needs=TokenScope.ADMIN, status=201),
    route("GET", PATH, list_tokens, needs=TokenScope.ADMIN),
    route("DELETE", f"{PATH}/:tokenId", revoke_token, needs=TokenScope.ADMIN, status=204),
)
