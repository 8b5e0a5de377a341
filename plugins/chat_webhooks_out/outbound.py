"""Connections to addresses that somebody else chose: never to one inside.

A name is resolved when it is connected to, and the connection goes to the very address that was looked at: a name that
changes its mind (DNS rebinding), a number written in another base, an IPv4 address inside an IPv6 one all end here.
Redirects are not followed by whoever uses this.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore
import trio

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "::/96")))
"""Special purposes that older Pythons take for global (the IANA registries of special-purpose addresses), and IPv4 in
the form that IPv6 once had for it."""


class Refused(httpcore.ConnectError):
    """The name leads to no address that may be connected to."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system has them."""
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    return [str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found]


def is_outside(address: Address) -> bool:
    """Whether an address is on the public internet, with what is wrapped in it."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            wrapped = address.teredo[1]
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_outside(wrapped)
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not special


class Outbound(httpcore.AsyncNetworkBackend):
    """Connects to the outside only. `allowed`: networks inside that the operator opens."""

    def __init__(self, allowed: Iterable[str] = (), resolve: Resolve = resolve) -> None:
        """Raises ValueError for what is no network."""
        self._allowed: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in allowed)
        self._resolve = resolve
        self._inner = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Refused, and httpcore's errors."""
        address = await self._choose(host, port)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Never: raises Refused."""
        raise Refused("only TCP leads outside")

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    async def _choose(self, host: str, port: int) -> str:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved") from error
        for text in found:
            if self.may_reach(ipaddress.ip_address(text)):
                return text
        raise Refused(f"{host} is not on the public internet")

    def may_reach(self, address: Address) -> bool:
        """Whether an address is outside, or opened by the operator."""
        return is_outside(address) or any(
            address in network for network in self._allowed if network.version == address.version
        )
