"""Where Redis is."""

import pytest

from chat_bus_redis.address import Address, parse_address
from chatcore.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(kind="server", hosts=(("localhost", 6379),))),
        ("redis://10.0.0.1:7000/0", Address(kind="server", hosts=(("10.0.0.1", 7000),))),
        ("redis://[::1]:7000", Address(kind="server", hosts=(("::1", 7000),))),
        (
            "rediss://ann:p%40ss@cache.example.org",
            Address(kind="server", hosts=(("cache.example.org", 6379),), tls=True, username="ann", password="p@ss"),
        ),
        ("redis://:secret@localhost", Address(kind="server", hosts=(("localhost", 6379),), password="secret")),
        (
            "redis+sentinel://:secret@one,two:26380/chat?password=watch",
            Address(
                kind="sentinel",
                hosts=(("one", 26379), ("two", 26380)),
                password="secret",
                service="chat",
                sentinel_password="watch",
            ),
        ),
        (
            "rediss+cluster://one:7000,two:7001",
            Address(kind="cluster", hosts=(("one", 7000), ("two", 7001)), tls=True),
        ),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "redis://",
        "redis://one,two",
        "redis://localhost/db",
        "redis://localhost:port",
        "redis://:s3cret@localhost?db=1",
        "redis+sentinel://one",
        "redis+sentinel://one/chat?secret=s3cret",
        "redis+cluster://one,",
        "redis+other://one",
    ],
)
def test_what_is_none_is_refused_and_not_repeated(url: str | None) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_address(url)
    assert "REDIS_URL" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(parse_address("redis://:s3cret@localhost"))
