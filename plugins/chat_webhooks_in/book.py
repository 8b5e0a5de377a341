"""What is kept of incoming webhooks: by the hash of their token, so that nobody who reads the database can post."""

import hashlib
import secrets
from datetime import datetime

import attrs

from chatcore import wire
from chatcore.ids import ChannelId, UserId, WorkspaceId
from chatcore.ports import Storage, Tx, plugin_space

NAME = "chat_webhooks_in"
_PAGE = 500


@attrs.frozen(kw_only=True)
class Inlet:
    """Whoever knows its token may post to one channel, as the bot account `bot_id`."""

    id: str
    digest: str = attrs.field(repr=False)
    workspace_id: WorkspaceId
    channel_id: ChannelId
    bot_id: UserId
    name: str
    created_by: UserId
    created_at: datetime
    mentions_everyone: bool = False


def new_token() -> str:
    """What stands in the URL: 256 bits, that no address bar or log should keep."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """A random token needs no slow hash: nobody can guess it."""
    return hashlib.sha256(token.encode()).hexdigest()


@attrs.frozen
class Book:
    """`inlet:DIGEST` is the webhook."""

    _storage: Storage
    _space: str = plugin_space(NAME)

    async def add(self, inlet: Inlet) -> None:
        await self._storage.write(lambda tx: tx.pairs.put(self._space, f"inlet:{inlet.digest}", wire.encode(inlet)))

    async def by_token(self, token: str) -> Inlet | None:
        data = await self._storage.read(lambda tx: tx.pairs.get(self._space, f"inlet:{digest_of(token)}"))
        return None if data is None else wire.structure(wire.decode(data), Inlet)

    async def all(self) -> list[Inlet]:
        """Every webhook, oldest first."""

        async def work(tx: Tx) -> list[bytes]:
            found: list[tuple[str, bytes]] = []
            while True:
                after = found[-1][0] if found else None
                page = await tx.pairs.scan(self._space, prefix="inlet:", after=after, limit=_PAGE)
                found += page
                if len(page) < _PAGE:
                    return [data for _, data in found]

        inlets = [wire.structure(wire.decode(data), Inlet) for data in await self._storage.read(work)]
        return sorted(inlets, key=lambda inlet: inlet.id)

    async def remove(self, inlet: Inlet) -> None:
        await self._storage.write(lambda tx: tx.pairs.delete(self._space, f"inlet:{inlet.digest}"))
