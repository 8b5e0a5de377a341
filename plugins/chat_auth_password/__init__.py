"""Sign-in by e-mail and password, and signed tokens.

Provider kind `auth`, name `password`; kind `token`, name `jwt`.
"""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from chat_auth_password.authenticator import PasswordAuthenticator
from chat_auth_password.codec import JwtCodec
from chat_auth_password.hasher import PasswordHasher
from chat_auth_password.secret import is_on_disk, load_secret
from chatcore.errors import ConfigError
from chatcore.hooks import hookimpl
from chatcore.ports import Provider, ProviderContext

__all__ = [
    "JwtCodec",
    "PasswordAuthenticator",
    "PasswordHasher",
    "load_secret",
    "open_codec",
    "open_password",
    "register_providers",
]


@asynccontextmanager
async def open_password(context: ProviderContext) -> AsyncIterator[PasswordAuthenticator]:
    """The authenticator over the chat's storage. One processor is left to everything else. Raises ConfigError."""
    if context.storage is None:
        raise ConfigError("the auth provider `password` needs a storage")
    limiter = trio.CapacityLimiter(max(1, min(4, (os.cpu_count() or 1) - 1)))
    hasher = PasswordHasher(context.config.bcrypt_rounds)
    yield PasswordAuthenticator(context.storage, context.clock, hasher, limiter)


@asynccontextmanager
async def open_codec(context: ProviderContext) -> AsyncIterator[JwtCodec]:
    """The codec with the installation's secret. Raises ConfigError."""
    config, folder = context.config, context.data_dir
    if is_on_disk(config, folder):
        yield JwtCodec(await trio.to_thread.run_sync(load_secret, config, folder))
    else:
        # Without a thread, in which a test's clock would jump on by as much as the machine is slow.
        yield JwtCodec(load_secret(config, folder))


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Passwords, and the tokens that spare people typing them."""
    return [
        Provider(kind="auth", name="password", factory=open_password),
        Provider(kind="token", name="jwt", factory=open_codec),
    ]
