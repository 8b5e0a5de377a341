"""Addresses to listen on."""

import socket
from collections.abc import Sequence

import trio

from chatcore.errors import ConfigError

BACKLOG = 4096
"""Connections that the kernel keeps for us while we are busy: thousands come back at once after a restart."""


async def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on every address of `host`, all on one port (0: a free one). Raises ConfigError."""
    try:
        found = await trio.socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}: {error.strerror or error}") from error
    listeners: list[socket.socket] = []
    for family, _, _, _, address in dict.fromkeys(found):
        wanted = port or (listeners[0].getsockname()[1] if listeners else 0)
        try:
            listeners.append(_listen(family, (str(address[0]), wanted)))
        except OSError as error:
            close(listeners)
            raise ConfigError(f"cannot listen on {host}, port {wanted}: {error.strerror or error}") from error
    return listeners


def inherit(descriptors: Sequence[int]) -> list[socket.socket]:
    """Listening sockets that another process has bound, and whose descriptors it has left to us."""
    listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    for listener in listeners:
        listener.setblocking(False)
    return listeners


def _listen(family: int, address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def close(listeners: Sequence[socket.socket]) -> None:
    """Take no more connections. Doing it twice is harmless."""
    for listener in listeners:
        if listener.fileno() == -1:
            continue
        trio.lowlevel.notify_closing(listener)
        listener.close()
