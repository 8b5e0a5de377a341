"""Signing in by headers, as the socket's handshake does; whole requests are tried in rest/test_auth.py."""

import pytest
from tests.chatserver.api import Api

from chatcore import Chat
from chatcore.errors import Unauthorized
from chatserver.client import HeaderMap
from chatserver.cookies import CookieJar
from chatserver.sessions import authenticate_headers, put_cookies, session_of

NO_HEADERS = HeaderMap.of([])


async def test_a_bearer_token_or_a_cookie_will_do(api: Api, chat: Chat) -> None:
    person = await api.person("ada")
    bearer = HeaderMap.of([(b"Authorization", b"Bearer " + person.token.encode())])
    by_bearer = await authenticate_headers(chat, bearer, {})
    assert by_bearer is not None
    assert by_bearer.user_id == person.id
    for name in ("chatcore_access", "__Host-chatcore_access"):
        assert await authenticate_headers(chat, NO_HEADERS, {name: person.token}) == by_bearer


@pytest.mark.parametrize(
    ("secure", "name", "good"),
    [
        (True, "__Host-chatcore_access", True),
        (True, "chatcore_access", False),
        (False, "chatcore_access", True),
        (False, "__Host-chatcore_access", False),
    ],
)
async def test_over_tls_the_name_is_another(api: Api, chat: Chat, secure: bool, name: str, good: bool) -> None:
    person = await api.person("ada")
    found = await authenticate_headers(chat, NO_HEADERS, {name: person.token}, secure=secure)
    assert (found is not None) is good


async def test_nothing_said_is_none_and_nonsense_is_refused(chat: Chat) -> None:
    assert await authenticate_headers(chat, NO_HEADERS, {}) is None
    assert await authenticate_headers(chat, HeaderMap.of([(b"authorization", b"Basic YTpi")]), {}) is None
    with pytest.raises(Unauthorized):
        await authenticate_headers(chat, HeaderMap.of([(b"authorization", b"Bearer x")]), {})
    with pytest.raises(Unauthorized):
        await authenticate_headers(chat, NO_HEADERS, {"chatcore_access": "x"})


async def test_a_refresh_token_names_its_session(api: Api, chat: Chat) -> None:
    person = await api.person("ada")
    signed_in = await chat.sessions.open(person.user)
    assert session_of(chat, signed_in.refresh_token) == signed_in.session.id
    with pytest.raises(Unauthorized):
        session_of(chat, signed_in.access_token)


async def test_cookies_last_as_long_as_what_they_hold(api: Api, chat: Chat) -> None:
    person = await api.person("ada")
    jar = CookieJar()
    put_cookies(jar, chat, await chat.sessions.open(person.user), secure=True)
    access, refresh, csrf = jar.headers()
    assert "; Max-Age=900;" in access
    for line in (refresh, csrf):
        (age,) = [int(part.partition("=")[2]) for part in line.split("; ") if part.startswith("Max-Age")]
        assert 7 * 86_400 - 5 <= age <= 7 * 86_400
