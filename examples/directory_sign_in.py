"""Sign-in by a company's LDAP directory: `chatcore serve --plugin examples/directory_sign_in.py`.

Whoever the directory lets in has an account from then on. Passwords stay there: the chat asks with a *simple bind*
(RFC 4511, section 4.2) at every sign-in, and keeps nothing. The plugin that keeps passwords is asked first, so that
the accounts that were made by hand go on.
"""

import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import attrs
import trio

from chatcore.errors import Duplicate, Unavailable, ValidationFailed
from chatcore.hooks import HookContext, PluginConfig, hookimpl
from chatcore.ids import UserId, uuid7
from chatcore.model import Credential, User
from chatcore.ports import Authenticator, Clock, Provider, ProviderContext, Storage, Tx
from chatcore.text import normalise_email

SECONDS = 5.0
"""How long the directory may take to answer."""
LARGEST_ANSWER = 64 * 1024
SUCCESS = 0


class Config(PluginConfig):
    """`[plugin.directory_sign_in]` in chat.toml."""

    server: str
    port: int = 636
    tls: bool = True
    """Only for a directory on this machine may it be off: passwords go over this line."""
    user_dn: str
    """The name to bind as; `{email}` stands for what was typed: `mail={email},ou=people,dc=example,dc=org`."""


@attrs.frozen
class Directory:
    """A `chatcore.ports.Authenticator`."""

    config: Config
    storage: Storage
    clock: Clock

    async def authenticate(self, email: str, secret: str) -> UserId | None:
        """The account of this e-mail, made if need be, when the directory takes the password.

        An empty password would be an *unauthenticated bind* (RFC 4513, section 5.1.2), which directories answer with
        success: it is never asked for. Raises Unavailable while the directory does not answer.
        """
        try:
            wanted = normalise_email(email)
        except ValidationFailed:
            return None
        if not secret or not await self._binds(self.config.user_dn.format(email=escaped(wanted)), secret):
            return None
        return await self._account(wanted)

    async def verify(self, user_id: UserId, secret: str) -> bool:
        user = await self.storage.read(lambda tx: tx.users.get(user_id))
        return user is not None and await self.authenticate(user.email, secret) == user_id

    async def seal(self, user_id: UserId, secret: str) -> Credential:
        raise ValidationFailed.of("password", "is kept by the company's directory: change it there")

    async def set_secret(self, user_id: UserId, secret: str) -> None:
        await self.seal(user_id, secret)

    async def _account(self, email: str) -> UserId:
        now = self.clock.now()
        new_id = UserId(uuid7(int(now.timestamp() * 1000)))
        user = User(id=new_id, email=email, display_name=email.partition("@")[0], created_at=now, updated_at=now)

        async def work(tx: Tx) -> UserId:
            found = await tx.users.find(email=email)
            if found:
                return found[0].id
            await tx.users.insert(user)
            return user.id

        try:
            return await self.storage.write(work)
        except Duplicate:  # two first sign-ins at once, on two nodes
            return await self.storage.write(work)

    async def _binds(self, name: str, secret: str) -> bool:
        try:
            with trio.fail_after(SECONDS):
                async with await self._connect() as stream:
                    await stream.send_all(bind_request(name, secret))
                    return await _result(stream) == SUCCESS
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            raise Unavailable("The company's directory does not answer: try again in a moment.") from error

    async def _connect(self) -> trio.abc.Stream:
        config = self.config
        if config.tls:
            context = ssl.create_default_context()
            return await trio.open_ssl_over_tcp_stream(config.server, config.port, ssl_context=context)
        return await trio.open_tcp_stream(config.server, config.port)


@hookimpl(phase="late")
def register_providers(ctx: HookContext) -> Iterable[Provider]:
    """One more way to sign in, asked after those that are there already."""
    config = ctx.config(Config)

    @asynccontextmanager
    async def open_directory(context: ProviderContext) -> AsyncIterator[Authenticator]:
        assert context.storage is not None, "the storage is opened before those who sign people in"
        yield Directory(config, context.storage, context.clock)

    return [Provider(kind="auth", name="directory", factory=open_directory)]


# --- a little LDAP ---------------------------------------------------------------------------------------------------


def escaped(value: str) -> str:
    """A value as part of a distinguished name (RFC 4514, section 2.4), so that nobody signs in as somebody else."""
    return "".join(f"\\{ord(each):02x}" if each in ',+"\\<>;=#\0' or each == " " else each for each in value)


def bind_request(name: str, secret: str) -> bytes:
    """Message 1: a simple bind of version 3."""
    bind = _ber(0x02, b"\x03") + _ber(0x04, name.encode()) + _ber(0x80, secret.encode("utf-8", "surrogatepass"))
    return _ber(0x30, _ber(0x02, b"\x01") + _ber(0x60, bind))


def _ber(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x84]) + size.to_bytes(4, "big")
    return bytes([tag]) + length + value


async def _result(stream: trio.abc.Stream) -> int:
    """The result code of the answer. Raises OSError when it is none."""
    data = b""
    while True:
        piece = await stream.receive_some()
        data += piece
        if not piece or len(data) > LARGEST_ANSWER:
            raise OSError("that is no answer of a directory")
        message = _value(data, 0x30)
        if message is not None:
            break
    number = _value(message, 0x02)
    answer = None if number is None else _value(message[2 + len(number) :], 0x61)
    code = None if answer is None else _value(answer, 0x0A)
    if not code:
        raise OSError("that is no answer to a bind")
    return int.from_bytes(code, "big")


def _value(data: bytes, tag: int) -> bytes | None:
    """The value of the element that `data` begins with; None while it is not complete. Raises OSError."""
    if len(data) < 2:
        return None
    if data[0] != tag:
        raise OSError("that is no answer of a directory")
    start, size = 2, data[1]
    if size >= 0x80:
        start += size - 0x80
        size = int.from_bytes(data[2:start], "big")
    return data[start : start + size] if len(data) >= start + size else None
