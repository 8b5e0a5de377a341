"""Who may come in: whose page asks, and as whom."""

from typing import Any

import pytest

from chatcore.errors import Forbidden
from chatserver.client import Proxies
from chatserver.gateway.opening import Door, Request
from chatserver.origins import Origins

HOST = (b"host", b"chat.example.org")


@pytest.fixture
def door(edge: Any) -> Door:
    return Door(
        chat=edge.team.chat,
        limiter=edge.gateway.limiter,
        origins=Origins(["https://app.example.org"]),
        proxies=Proxies(["10.0.0.0/8"]),
    )


def request(*headers: tuple[bytes, bytes], scheme: str = "wss", peer: str = "192.0.2.7") -> Request:
    return Request(headers=[HOST, *headers], peer=peer, scheme=scheme)


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"null",
        b"https://chat.example.org.evil.example",
        b"http://chat.example.org",
        b"https://chat.example.org:444",
        b"https://app.example.org/",
        b"",
        b"\xff",
    ],
)
async def test_foreign_pages_are_refused(door: Door, origin: bytes) -> None:
    with pytest.raises(Forbidden):
        await door.admit(request((b"origin", origin)))


@pytest.mark.parametrize("origin", [b"https://chat.example.org", b"https://app.example.org"])
async def test_our_pages_and_those_of_the_operator_come_in(door: Door, origin: bytes) -> None:
    admission = await door.admit(request((b"origin", origin)))
    assert admission.identity is None


async def test_who_names_no_origin_is_no_browser(door: Door) -> None:
    assert not (await door.admit(request())).refused


async def test_a_session_cookie_signs_in(door: Door, edge: Any) -> None:
    token = await edge.team.token(edge.team.bob)
    secure = await door.admit(request((b"cookie", f"a=b; __Host-chatcore_access={token}".encode())))
    assert secure.identity is not None
    assert secure.identity.user_id == edge.team.bob.id
    plain = await door.admit(request((b"cookie", f"chatcore_access={token}".encode()), scheme="ws"))
    assert plain.identity is not None


@pytest.mark.parametrize("cookie", [b"chatcore_access=old", b"__Host-chatcore_access=x.y.z", b'";;\xff=,', b"a"])
async def test_a_cookie_that_is_no_good_only_means_that_the_token_comes_later(door: Door, cookie: bytes) -> None:
    admission = await door.admit(request((b"cookie", cookie)))
    assert (admission.identity, admission.refused) == (None, False)


async def test_a_bearer_token_signs_in(door: Door, edge: Any) -> None:
    token = await edge.team.token(edge.team.ada)
    admission = await door.admit(request((b"authorization", f"Bearer {token}".encode())))
    assert admission.identity is not None
    assert admission.identity.user_id == edge.team.ada.id


async def test_a_bearer_token_that_is_no_good_is_told_so(door: Door) -> None:
    admission = await door.admit(request((b"authorization", b"Bearer nope")))
    assert (admission.identity, admission.refused) == (None, True)


async def test_our_proxy_says_who_the_client_is(door: Door) -> None:
    forwarded = ((b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-proto", b"https"))
    behind = await door.admit(request(*forwarded, peer="10.1.2.3", scheme="ws"))
    assert (behind.client.ip, behind.client.secure) == ("203.0.113.9", True)
    direct = await door.admit(request(*forwarded, scheme="ws"))
    assert (direct.client.ip, direct.client.secure) == ("192.0.2.7", False)


async def test_a_refused_token_is_answered_with_4401(edge: Any) -> None:
    from chatserver.client import Client
    from chatserver.gateway.opening import Admission

    socket = type(edge.open())()
    edge.nursery.start_soon(edge.gateway.serve, socket, Admission(client=Client(ip="192.0.2.1"), refused=True))
    assert await socket.closed() == 4401
