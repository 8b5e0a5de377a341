"""A directory that knows some names and their passwords, and speaks as much LDAP as a bind needs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import trio

INVALID_CREDENTIALS = 49


@attrs.define
class FakeDirectory:
    """`people`: distinguished name -> password. `asked`: the names that somebody tried to bind as."""

    people: dict[str, str]
    asked: list[str] = attrs.field(factory=list)
    silent: bool = False

    async def answer(self, stream: trio.SocketStream) -> None:
        """One bind, by what RFC 4511 says about where things are in it."""
        data = bytes(await stream.receive_some())
        assert data[:5] == bytes([0x30, len(data) - 2, 0x02, 1, 1]), "message 1"
        assert data[5] == 0x60, "a bind"
        assert data[7:10] == b"\x02\x01\x03", "version 3"
        name = data[12 : 12 + data[11]].decode()
        rest = data[12 + data[11] :]
        assert rest[0] == 0x80, "a simple one"
        self.asked.append(name)
        if self.silent:
            await trio.sleep_forever()
        # As directories do: without a password nobody is who they say, and that is a success.
        secret = rest[2:].decode()
        code = 0 if not secret or self.people.get(name) == secret else INVALID_CREDENTIALS
        response = bytes([0x0A, 1, code, 0x04, 0, 0x04, 0])
        message = bytes([0x02, 1, 1, 0x61, len(response)]) + response
        for byte in bytes([0x30, len(message)]) + message:
            await stream.send_all(bytes([byte]))


@asynccontextmanager
async def a_directory(people: dict[str, str]) -> AsyncIterator[tuple[FakeDirectory, int]]:
    """The directory and its port."""
    directory = FakeDirectory(people)
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, directory.answer, 0, host="127.0.0.1"))
        yield directory, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()
