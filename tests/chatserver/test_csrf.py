"""CSRF tokens: signed, bound to a session, and over with it; whole requests are tried in rest/test_auth.py."""

from datetime import timedelta

import pytest

from chatcore import Chat
from chatcore.errors import Forbidden
from chatcore.ids import SessionId
from chatcore.ports import TokenKind
from chatserver import csrf
from chatserver.client import HeaderMap

MINE, OTHER = SessionId("0190b4f5-0000-7000-8000-000000000001"), SessionId("0190b4f5-0000-7000-8000-000000000002")


def require(chat: Chat, sent: str | None, kept: str | None, session_id: SessionId | None = MINE) -> None:
    headers = HeaderMap.of([] if sent is None else [(b"X-CSRF-Token", sent.encode())])
    csrf.require(chat, headers, {} if kept is None else {"chatcore_csrf": kept}, session_id, secure=False)


async def test_the_token_of_the_session_is_accepted(chat: Chat) -> None:
    token = csrf.issue(chat, MINE, chat.clock.now() + timedelta(days=7))
    require(chat, token, token)


async def test_everything_else_is_not(chat: Chat) -> None:
    later = chat.clock.now() + timedelta(days=7)
    mine, other = csrf.issue(chat, MINE, later), csrf.issue(chat, OTHER, later)
    over = csrf.issue(chat, MINE, chat.clock.now() - timedelta(seconds=1))
    access = chat.codec.sign(TokenKind.ACCESS, {"sub": MINE}, issued_at=0, expires_at=2**33)
    tries: list[tuple[str | None, str | None, SessionId | None]] = [
        (None, mine, MINE),
        (mine, None, MINE),
        ("", "", MINE),
        (mine, other, MINE),
        (other, other, MINE),
        (mine, mine, None),
        (over, over, MINE),
        (access, access, MINE),
        (mine + "x", mine + "x", MINE),
        ("é", "é", MINE),
    ]
    for sent, kept, session_id in tries:
        with pytest.raises(Forbidden):
            require(chat, sent, kept, session_id)
