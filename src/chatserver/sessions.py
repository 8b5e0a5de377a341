"""How a request says who it comes from: `Authorization: Bearer <token>`, or the session cookies."""

from collections.abc import Mapping

import attrs

from chatcore import Chat
from chatcore.errors import Unauthorized
from chatcore.ids import SessionId
from chatcore.ports import TokenKind
from chatcore.service.identity import Identity, SignedIn
from chatcore.service.sessions import ACCESS_LIFETIME
from chatcore.service.tokens import PREFIX
from chatserver import csrf
from chatserver.client import Headers
from chatserver.cookies import ACCESS, CSRF, REFRESH, CookieJar, read


@attrs.frozen(kw_only=True)
class Proof:
    """`by_cookie`: the browser added it by itself, so it says nothing about who made the request."""

    identity: Identity
    by_cookie: bool


async def authenticate(chat: Chat, headers: Headers, cookies: Mapping[str, str], *, secure: bool | None) -> Proof:
    """Who sends this. A bearer token goes before cookies. Raises TokenExpired, Unauthorized.

    `secure`: the request came over TLS, where cookies have other names; None: not known.
    """
    token = bearer(headers)
    if token is not None:
        return Proof(identity=await identify(chat, token), by_cookie=False)
    token = read(cookies, ACCESS, secure)
    if token is None:
        raise Unauthorized("Sign in first: send Authorization: Bearer <access token>.")
    return Proof(identity=await chat.sessions.verify(token), by_cookie=True)


async def authenticate_headers(
    chat: Chat, headers: Headers, cookies: Mapping[str, str], *, secure: bool | None = None
) -> Identity | None:
    """Who opens this connection; None when the request says nothing of it. Raises TokenExpired, Unauthorized."""
    if bearer(headers) is None and read(cookies, ACCESS, secure) is None:
        return None
    return (await authenticate(chat, headers, cookies, secure=secure)).identity


async def identify(chat: Chat, token: str) -> Identity:
    """Who an access token, or a bot's token, proves to be. Raises TokenExpired, Unauthorized."""
    if token.startswith(PREFIX):
        return await chat.tokens.verify(token)
    return await chat.sessions.verify(token)


def bearer(headers: Headers) -> str | None:
    """The token of the `Authorization` header; other schemes are for somebody else on the way (a proxy)."""
    scheme, _, token = (headers.get("authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def session_of(chat: Chat, refresh_token: str) -> SessionId:
    """The session that a refresh token belongs to. Raises TokenExpired, Unauthorized."""
    claims = chat.codec.verify(TokenKind.REFRESH, refresh_token, now=int(chat.clock.now().timestamp()))
    return SessionId(str(claims.get("sid")))


def put_cookies(jar: CookieJar, chat: Chat, signed_in: SignedIn, *, secure: bool) -> None:
    """Let the browser carry the session."""
    lasting = int((signed_in.session.expires_at - chat.clock.now()).total_seconds())
    token = csrf.issue(chat, signed_in.session.id, signed_in.session.expires_at)
    jar.put(ACCESS, signed_in.access_token, seconds=int(ACCESS_LIFETIME.total_seconds()), secure=secure)
    jar.put(REFRESH, signed_in.refresh_token, seconds=lasting, secure=secure)
    jar.put(CSRF, token, seconds=lasting, secure=secure, scripts=True)


def drop_cookies(jar: CookieJar, *, secure: bool) -> None:
    """Let the browser forget the session."""
    for name in (ACCESS, REFRESH, CSRF):
        jar.drop(name, secure=secure)
