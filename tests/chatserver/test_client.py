"""Whose address counts, and whom we believe about it."""

import pytest

from chatcore.errors import ConfigError
from chatserver.client import Client, HeaderMap, Proxies

PROXY = "10.0.0.1"


def headers(**values: str) -> HeaderMap:
    return HeaderMap.of([(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()])


@pytest.mark.parametrize(
    ("peer", "forwarded", "ip"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (PROXY, "198.51.100.1", "198.51.100.1"),
        (PROXY, "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        (PROXY, "1.2.3.4, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (PROXY, "", PROXY),
        (PROXY, "nonsense", PROXY),
        (PROXY, "1.2.3.4, nonsense", PROXY),
        (PROXY, "1.2.3.4, nonsense, 10.3.3.3", "10.3.3.3"),
        (PROXY, "198.51.100.1:4711", PROXY),
        (PROXY, "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("fe80::1%eth0", "198.51.100.1", "fe80::1"),
        ("unix", "198.51.100.1", "unix"),
    ],
)
def test_forwarded_addresses_are_believed_from_our_proxies_only(peer: str, forwarded: str, ip: str) -> None:
    found = Proxies(["10.0.0.0/8"]).client(peer, "http", headers(x_forwarded_for=forwarded, host="chat"))
    assert found.ip == ip


def test_without_proxies_nobody_is_believed() -> None:
    found = Proxies([]).client(
        PROXY, "http", headers(x_forwarded_for="1.2.3.4", x_forwarded_proto="https", host="chat:8000")
    )
    assert found == Client(ip=PROXY, secure=False, host="chat:8000")
    assert found.base_url == "http://chat:8000"


@pytest.mark.parametrize(
    ("scheme", "proto", "secure"),
    [
        ("http", "https", True),
        ("http", "http", False),
        ("https", None, True),
        ("wss", None, True),
        ("https", "http", False),
        ("http", "https, http", False),
        ("http", "http,HTTPS", True),
    ],
)
def test_the_scheme_is_the_one_in_front_of_the_proxy(scheme: str, proto: str | None, secure: bool) -> None:
    sent = headers(host="chat") if proto is None else headers(host="chat", x_forwarded_proto=proto)
    assert Proxies([PROXY]).client(PROXY, scheme, sent).secure is secure


def test_one_customer_of_ipv6_counts_once() -> None:
    assert Client(ip="2001:db8:1:2:3:4:5:6").network == Client(ip="2001:db8:1:2::9").network == "2001:db8:1:2::/64"
    assert Client(ip="192.0.2.1").network == "192.0.2.1"


@pytest.mark.parametrize("text", ["", "proxy.local", "10.0.0.0/33", "10.0.0.1:80"])
def test_a_bad_network_stops_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        Proxies([text])


def test_repeated_headers_are_one_list_and_cookies_keep_their_separator() -> None:
    found = HeaderMap.of(
        [(b"X-Forwarded-For", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2"), (b"Cookie", b"a=1"), (b"cookie", b"b=2")]
    )
    assert found.get("X-Forwarded-For") == "1.1.1.1, 2.2.2.2"
    assert found.get("cookie") == "a=1; b=2"
    assert found.get("absent") is None
