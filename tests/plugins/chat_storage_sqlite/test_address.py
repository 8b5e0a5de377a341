"""URLs of databases."""

from pathlib import Path

import pytest

from chat_storage_sqlite.address import parse_address
from chatcore.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///chat.db", Path("chat.db")),
        ("sqlite:///data/chat.db", Path("data/chat.db")),
        ("sqlite:////var/lib/chat.db", Path("/var/lib/chat.db")),
        ("sqlite:///with%20space%3F.db", Path("with space?.db")),
        ("memory:", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_addresses(url: str, path: Path | None) -> None:
    assert parse_address(url).path == path


@pytest.mark.parametrize(
    "url", ["sqlite:", "sqlite://host/chat.db", "sqlite:///", "postgres://x", "", "sqlite:///a%00b"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        parse_address(url)
