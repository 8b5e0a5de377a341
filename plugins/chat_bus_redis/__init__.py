"""The bus between the nodes of one installation, over Redis 7 (provider kind `bus`, name `redis`).

    address     the URL: one server, sentinels, or a cluster
    line        one client and one subscription, by coredis, which speaks Trio

How packets are made, gathered and numbered, and how a lost line is mended, is `chatcore.ports.relayed`'s affair.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from chat_bus_redis.address import SCHEMES, parse_address
from chatcore.errors import ConfigError
from chatcore.hooks import hookimpl
from chatcore.ports import Bus, Provider, ProviderContext, relaying

__all__ = ["open_bus", "register_providers"]


@asynccontextmanager
async def open_bus(context: ProviderContext) -> AsyncIterator[Bus]:
    """The bus at `config.redis_url`. Raises ConfigError."""
    address = parse_address(context.config.redis_url)
    try:
        from chat_bus_redis.line import opener
    except ImportError as error:
        raise ConfigError(f"REDIS_URL needs {error.name}: pip install 'chatcore[redis]'") from error
    async with relaying("redis", opener(address, channel_of(context)), storage=context.storage) as bus:
        yield bus


def channel_of(context: ProviderContext) -> str:
    """One channel for an installation, named by its event log: others may use the same Redis."""
    return "chatcore:" + ("" if context.storage is None else context.storage.epoch)


@hookimpl
def register_providers() -> Iterable[Provider]:
    """The bus for `redis:` and its relatives."""
    return [Provider(kind="bus", name="redis", factory=open_bus, schemes=SCHEMES)]
