"""Who is at the other end of a connection: the address, and how they came.

A reverse proxy hides the client; it says who it was in `X-Forwarded-For` and `X-Forwarded-Proto`. Anybody can send
these headers, so they are believed only from the networks that the setting `trusted_proxies` names.
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, overload

import attrs

from chatcore.errors import ConfigError

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Headers(Protocol):
    """Request headers: looked up by their name in lower case, repeated ones in order."""

    def get(self, name: str, /) -> str | None: ...


@attrs.frozen(kw_only=True)
class Client:
    """`ip` in canonical form (for a Unix socket what it says); `secure`: over TLS up to us, or to our proxy."""

    ip: str
    secure: bool = False
    host: str = ""

    @property
    def network(self) -> str:
        """What rate limits count: the address, of IPv6 the /64 that one customer is given."""
        if ":" not in self.ip:
            return self.ip
        return str(ipaddress.ip_network((self.ip, 64), strict=False))

    @property
    def base_url(self) -> str:
        """The scheme and host by which the client reached us."""
        return f"{'https' if self.secure else 'http'}://{self.host}"


class Proxies:
    """The reverse proxies in front of us."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted`: addresses or networks in CIDR notation. Raises ConfigError."""
        self._networks: tuple[Network, ...] = tuple(_network(text) for text in trusted)

    def client(self, peer: str, scheme: str, headers: Headers) -> Client:
        """The client behind a connection from `peer`, which reached us by `scheme`."""
        secure = scheme in ("https", "wss")
        host = headers.get("host") or ""
        if not self._networks and ":" not in peer:
            return Client(ip=peer, secure=secure, host=host)
        address = _address(peer)
        if address is None or not self._trusts(address):
            return Client(ip=str(address or peer), secure=secure, host=host)
        proto = headers.get("x-forwarded-proto")
        if proto is not None:
            secure = proto.rpartition(",")[2].strip().lower() == "https"
        return Client(ip=str(self._origin(address, headers.get("x-forwarded-for"))), secure=secure, host=host)

    def trusts(self, peer: str) -> bool:
        """Whether this address is a proxy of ours: many clients come from it."""
        address = _address(peer)
        return address is not None and self._trusts(address)

    def _origin(self, peer: Address, forwarded: str | None) -> Address:
        """The nearest address that is no proxy of ours: what stands further left may have been made up by it."""
        origin = peer
        for text in reversed((forwarded or "").split(",")):
            address = _address(text.strip())
            if address is None:
                break
            origin = address
            if not self._trusts(address):
                break
        return origin

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


class HeaderMap(Mapping[str, str]):
    """Headers as the wire gives them (pairs of bytes): looked up in any case, those that are repeated in one list."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, str]) -> None:
        """`values`: by names in lower case."""
        self._values = values

    @classmethod
    def of(cls, pairs: Sequence[tuple[bytes, bytes]]) -> "HeaderMap":
        values: dict[str, str] = {}
        for raw_name, raw_value in pairs:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            # Repeated headers are one list (RFC 9110 §5.3); cookies have a separator of their own.
            separator = "; " if name == "cookie" else ", "
            values[name] = f"{values[name]}{separator}{value}" if name in values else value
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, default: T, /) -> str | T: ...

    def get(self, name: str, default: T | None = None, /) -> str | T | None:
        """The Mapping's own would raise and catch for each header that is not there."""
        return self._values.get(name.lower(), default)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(f"trusted_proxies: {text!r} is no address and no network such as 10.0.0.0/8") from None


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
