"""Where a database is: the URLs `sqlite:///relative.db`, `sqlite:////absolute.db` and `memory:`."""

from pathlib import Path
from urllib.parse import unquote

import attrs

from chatcore.errors import ConfigError

_PREFIX = "sqlite:///"


@attrs.frozen
class Address:
    """`path` is None for a database that lives in memory and dies with its storage."""

    path: Path | None


def parse_address(url: str) -> Address:
    """The address that a URL names. Raises ConfigError."""
    if url in ("memory:", "memory://", "sqlite::memory:", "sqlite:///:memory:"):
        return Address(None)
    if not url.startswith(_PREFIX):
        raise ConfigError(f"DATABASE_URL: {url!r} is no SQLite database; write sqlite:///chat.db or memory:")
    name = unquote(url[len(_PREFIX) :])
    if not name or "\x00" in name:
        raise ConfigError(f"DATABASE_URL: {url!r} names no file; write sqlite:///chat.db")
    return Address(Path(name))
