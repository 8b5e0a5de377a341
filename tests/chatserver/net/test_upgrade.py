"""The opening handshake, right and wrong, through a real server."""

import json
from typing import Any

import pytest
from tests.chatserver.net.client import Client

from chatcore.errors import ValidationFailed
from chatserver.net.upgrade import HEAD_LIMIT, parse_head

GOOD = b"GET /api/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"


def test_a_head_is_complete_or_it_is_not() -> None:
    for size in range(len(GOOD)):
        assert parse_head(GOOD[:size]) is None
    head = parse_head(GOOD + b"and more")
    assert head is not None
    assert head.rest == b"and more"
    assert head.wants_websocket


def test_tokens_are_found_in_any_case_and_place() -> None:
    head = parse_head(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nUPGRADE: foo , WebSocket\r\n\r\n")
    assert head is not None
    assert head.wants_websocket
    assert head.all(b"upgrade") == [b"foo , WebSocket"], "HTTP/2 without TLS is not heard of"


@pytest.mark.parametrize(
    "data",
    [
        b"x" * (HEAD_LIMIT + 1),
        b"GET / HTTP/1.1\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_head_for_a_websocket_is_refused(data: bytes) -> None:
    with pytest.raises(ValidationFailed):
        parse_head(data)


@pytest.mark.parametrize(
    ("drop", "headers", "status"),
    [
        ("sec-websocket-version", (), 426),
        ("sec-websocket-version", ("Sec-WebSocket-Version: 8",), 426),
        ("sec-websocket-version", ("Sec-WebSocket-Version: 13, 8",), 426),
        ("sec-websocket-key", (), 400),
        ("sec-websocket-key", ("Sec-WebSocket-Key: short",), 400),
        ("sec-websocket-key", ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA",), 400),
        ("", ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",), 400),
        ("connection", ("Connection: keep-alive",), 400),
        ("connection", (), 400),
    ],
)
async def test_a_wrong_handshake_is_answered_with_what_is_wrong(
    native: Any, drop: str, headers: tuple[str, ...], status: int
) -> None:
    client = Client(await native.stream())
    found, answered, body = await client.upgrade(drop=drop, headers=headers)
    assert found == status
    assert json.loads(body)["error"]["code"] == "VALIDATION_FAILED"
    if status == 426:
        assert answered["sec-websocket-version"] == "13"
    await client.gone()
    await client.aclose()


async def test_a_handshake_without_upgrade_is_a_request_for_the_application(native: Any) -> None:
    client = Client(await native.stream())
    assert (await client.upgrade(drop="upgrade"))[0] == 200
    await client.aclose()


@pytest.mark.parametrize("path", ["/api/realtime?x=1", "/api/realtime"])
async def test_a_query_is_no_hindrance(native: Any, path: str) -> None:
    client = Client(await native.stream())
    assert (await client.upgrade(path=path))[0] == 101
    await client.aclose()


@pytest.mark.parametrize("path", ["/api/realtimes", "/api/realtime/", "/API/realtime", "/"])
async def test_a_websocket_is_at_its_address_only(native: Any, path: str) -> None:
    client = Client(await native.stream())
    assert (await client.upgrade(path=path))[0] == 403
    await client.aclose()
