"""One connection to PostgreSQL that listens and notifies, for as long as it holds."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import asyncpg
import attrs
import trio

from chat_bus_postgres.pieces import Cutter, Joiner
from chatcore.bridge import Bridge, BridgeError, open_bridge
from chatcore.errors import ConfigError
from chatcore.ports.relayed import Line, OpenLine, Received

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 3.0
_SETTINGS = {
    "application_name": "chatcore-bus",
    "statement_timeout": "5s",
    # A notification is gone with the server anyway: it need not wait for the disk.
    "synchronous_commit": "off",
}
_NOTIFY = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidPasswordError,
    asyncpg.ClientConfigurationError,
)


@attrs.frozen
class PostgresLine:
    """Notifies a channel: one statement, and so one transaction, for whatever is sent at once."""

    bridge: Bridge
    raw: Any
    channel: str
    cutter: Cutter = attrs.field(factory=Cutter)

    async def send(self, packets: Sequence[bytes]) -> None:
        payloads = [piece.decode() for packet in packets for piece in self.cutter.pieces(packet)]
        with trio.fail_after(ANSWER_SECONDS):
            await self.bridge.run(self.raw.execute, _NOTIFY, self.channel, payloads)


@asynccontextmanager
async def open_lines(url: str, channel: str) -> AsyncIterator[OpenLine]:
    """A loop for the connections, which are opened one after the other. See `OpenLine`."""
    async with open_bridge("chatcore-postgres-bus") as bridge:

        @asynccontextmanager
        async def open_line(received: Received) -> AsyncIterator[Line]:
            joiner, lost = Joiner(received), trio.Event()
            take = partial(bridge.call_soon, joiner.take)
            raw = await bridge.run(_connect, url, channel, take, partial(bridge.call_soon, lost.set))
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_until_lost, lost)
                    yield PostgresLine(bridge, raw, channel)
                    nursery.cancel_scope.cancel()
            finally:
                with suppress(BridgeError):
                    bridge.signal(raw.terminate)

        yield open_line


async def _until_lost(lost: trio.Event) -> None:
    await lost.wait()
    raise ConnectionResetError("the connection to PostgreSQL is lost")


# --- on the loop -----------------------------------------------------------------------------------------------------


async def _connect(url: str, channel: str, take: Callable[[bytes], None], lost: Callable[[], None]) -> Any:
    try:
        # Only who may write may notify.
        raw = await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, target_session_attrs="read-write", server_settings=_SETTINGS
        )
    except _REFUSED as error:
        raise ConfigError(f"DATABASE_URL: PostgreSQL refuses the bus: {error}") from error
    try:
        raw.add_termination_listener(lambda _: lost())
        await raw.add_listener(channel, lambda _raw, _pid, _channel, payload: take(payload.encode()))
    except BaseException:
        raw.terminate()
        raise
    return raw
