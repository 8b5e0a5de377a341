"""Where Redis is.

    redis://[user:password@]host[:port]                              one server; rediss:// is over TLS
    redis+sentinel://[user:password@]host[:port],host…/name[?password=…]    the primary `name` that these sentinels know
    redis+cluster://[user:password@]host[:port],host…                a cluster that these nodes belong to

The password before the hosts is Redis'; that of the sentinels themselves, where they have one, stands behind. A number
of a database is taken and ignored: publishing knows none.
"""

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from chatcore.errors import ConfigError

SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
_PORT = 6379
_SENTINEL_PORT = 26379

Kind = Literal["server", "sentinel", "cluster"]


@attrs.frozen(kw_only=True)
class Address:
    """`service`: what the sentinels call the primary."""

    kind: Kind
    hosts: tuple[tuple[str, int], ...]
    tls: bool = False
    username: str | None = None
    password: str | None = attrs.field(default=None, repr=False)
    service: str = ""
    sentinel_password: str | None = attrs.field(default=None, repr=False)


def parse_address(url: str | None) -> Address:
    """The address that a URL names. Raises ConfigError, which never repeats it: there may be a password in it."""
    if not url:
        raise ConfigError("REDIS_URL: is not set; write redis://HOST")
    try:
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        user, _, hosts = parts.netloc.rpartition("@")
        address = Address(
            kind=_kind(kind),
            hosts=_hosts(hosts, _SENTINEL_PORT if kind == "sentinel" else _PORT),
            tls=scheme == "rediss",
            username=unquote(user.partition(":")[0]) or None,
            password=unquote(user.partition(":")[2]) or None,
        )
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        return _with_path(address, unquote(parts.path).strip("/"), options)
    except ValueError:
        raise ConfigError(
            "REDIS_URL: must be like redis://HOST:PORT, redis+sentinel://HOST,HOST/NAME or redis+cluster://HOST,HOST"
        ) from None


def _kind(text: str) -> Kind:
    match text:
        case "":
            return "server"
        case "sentinel" | "cluster":
            return text
    raise ValueError(text)


def _hosts(text: str, port: int) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for each in text.split(","):
        parts = urlsplit(f"//{each}")
        if not parts.hostname or parts.path or parts.username:
            raise ValueError(each)
        found.append((parts.hostname, port if parts.port is None else parts.port))
    return tuple(found)


def _with_path(address: Address, path: str, options: dict[str, str]) -> Address:
    if address.kind == "sentinel":
        if not path or options.keys() - {"password"}:
            raise ValueError(path)
        return attrs.evolve(address, service=path, sentinel_password=options.get("password"))
    if options or (path and not path.isdecimal()) or (address.kind == "server" and len(address.hosts) > 1):
        raise ValueError(path)
    return address
