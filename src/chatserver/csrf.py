"""Protection against cross-site requests, for those who are signed in by cookie (signed double submit).

Whoever sends a request that changes something must repeat the cookie `chatcore_csrf` in the header `X-CSRF-Token`: a
page of ours can read that cookie, a foreign page cannot. The value is signed and names the session, so that one from
another session, planted by a neighbour under the same domain, is worth nothing.
"""

import hmac
from collections.abc import Mapping
from datetime import datetime

from chatcore import Chat
from chatcore.errors import Forbidden, Unauthorized
from chatcore.ids import SessionId
from chatcore.ports import TokenKind
from chatserver.client import Headers
from chatserver.cookies import CSRF, read

HEADER = "x-csrf-token"


def issue(chat: Chat, session_id: SessionId, expires_at: datetime) -> str:
    """The token of a session."""
    return chat.codec.sign(
        TokenKind.CSRF,
        {"sub": session_id},
        issued_at=int(chat.clock.now().timestamp()),
        expires_at=int(expires_at.timestamp()),
    )


def require(
    chat: Chat, headers: Headers, cookies: Mapping[str, str], session_id: SessionId | None, *, secure: bool
) -> None:
    """Raises Forbidden when the request does not prove that a page of ours sent it."""
    sent, kept = headers.get(HEADER), read(cookies, CSRF, secure)
    if not sent or not kept or not hmac.compare_digest(sent.encode("utf-8"), kept.encode("utf-8")):
        raise Forbidden("Send the value of the cookie chatcore_csrf as X-CSRF-Token, or use Authorization: Bearer.")
    try:
        claims = chat.codec.verify(TokenKind.CSRF, sent, now=int(chat.clock.now().timestamp()))
    except Unauthorized:
        claims = {}
    if session_id is None or claims.get("sub") != session_id:
        raise Forbidden("X-CSRF-Token belongs to another session: read the cookie chatcore_csrf again.")
