"""Which pages may act for a person. Whole requests are tried in rest/test_auth.py."""

import pytest

from chatcore.errors import ConfigError, Forbidden
from chatserver.client import Client, HeaderMap
from chatserver.origins import Origins

HERE = Client(ip="192.0.2.1", secure=True, host="chat.example.org")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://chat.example.org", True),
        ("https://CHAT.example.org", True),
        ("https://chat.example.org:443", True),
        ("https://app.example.org:8443", True),
        ("https://app.example.org", False),
        ("http://chat.example.org", False),
        ("https://chat.example.org:99999", False),
        ("https://chat.example.org/path", False),
        ("https://user@chat.example.org", False),
        ("https://chat.example.org.evil.example", False),
        ("https://[::1", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins_are_compared_as_a_whole(origin: str, allowed: bool) -> None:
    assert Origins(["https://app.example.org:8443"]).allows(origin, HERE) is allowed


def test_a_client_without_host_is_of_no_origin() -> None:
    assert not Origins([]).allows("https://", Client(ip="192.0.2.1", secure=True, host=""))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_the_browser_s_own_word_counts_without_origin(site: str) -> None:
    with pytest.raises(Forbidden):
        Origins([]).require(HeaderMap.of([(b"sec-fetch-site", site.encode())]), HERE)


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_and_programs_pass(site: str) -> None:
    Origins([]).require(HeaderMap.of([(b"sec-fetch-site", site.encode())]), HERE)
    Origins([]).require(HeaderMap.of([]), HERE)


@pytest.mark.parametrize("text", ["*", "chat.example.org", "https://chat.example.org/", "ftp://x", "null"])
def test_a_bad_setting_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed_origins"):
        Origins([text])
