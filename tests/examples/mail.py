"""A mail server that keeps what it is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import cast

import trio


@asynccontextmanager
async def a_mail_server() -> AsyncIterator[tuple[list[EmailMessage], int]]:
    """The mails that came, and the port (RFC 5321, as much of it as one mail needs)."""
    mails: list[EmailMessage] = []

    async def serve(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 fake\r\n")
        rest = b""
        while True:
            while b"\r\n" not in rest:
                piece = bytes(await stream.receive_some())
                if not piece:
                    return
                rest += piece
            line, _, rest = rest.partition(b"\r\n")
            verb = line[:4].upper()
            if verb == b"DATA":
                await stream.send_all(b"354 go on\r\n")
                while b"\r\n.\r\n" not in rest:
                    rest += await stream.receive_some()
                body, _, rest = rest.partition(b"\r\n.\r\n")
                mails.append(cast(EmailMessage, message_from_bytes(body, policy=policy.default)))
            await stream.send_all(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield mails, listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()
