"""How a connection ended, and what to do then (the close codes of docs/reference/websocket.md)."""

import random
import re
from collections.abc import Mapping

import attrs

from chatcore.client.faults import NotChatcore
from chatcore.errors import ChatError, Forbidden, ValidationFailed

FIRST_DELAY = 0.3
LONGEST_DELAY = 10.0
_RETRY_AFTER = re.compile(r"retryAfter[=:]\s*([0-9]{1,5})")
_SIGN_IN = (401, 4401, 4408, 4409)
_NO_USE: dict[int, tuple[type[ChatError], str]] = {
    400: (ValidationFailed, "the server refuses the connection as malformed"),
    403: (Forbidden, "the server refuses connections from here"),
    404: (NotChatcore, "there is no chat server at this address"),
    1009: (ValidationFailed, "a frame of ours was too large"),
    4400: (ValidationFailed, "the server does not understand us: is it another release?"),
    4403: (Forbidden, "this account may not connect"),
}


@attrs.frozen
class Ended:
    """`code` is a WebSocket close code, or the HTTP status that refused the connection; 1006: it broke."""

    code: int
    text: str = ""
    retry_after: float | None = None

    @property
    def reason(self) -> str:
        """In words."""
        return {1012: "the server restarts", 4001: "we were too slow", 4002: "no heartbeat"}.get(
            self.code, self.text or f"closed with {self.code}"
        )

    @property
    def too_many(self) -> bool:
        """Whether we said too much at once."""
        return self.code == 4429


@attrs.frozen
class Plan:
    """Come back after `delay` seconds, with another token if `renew`."""

    delay: float
    renew: bool = False


def lost(reason: str) -> Ended:
    """The connection broke, or did not come about."""
    return Ended(1006, reason)


def rejected(status: int, headers: Mapping[bytes, bytes]) -> Ended:
    """The server answered with this status instead of opening a socket."""
    wait = next((value for name, value in headers.items() if name.lower() == b"retry-after"), b"")
    return Ended(status, f"refused with {status}", float(wait) if wait.isdigit() else None)


def after(ended: Ended, attempt: int) -> Plan:
    """What to do. `attempt` counts endings in a row. Raises ChatError when coming back is of no use."""
    if ended.code in _NO_USE:
        cls, words = _NO_USE[ended.code]
        raise cls(f"{words} ({ended.text or ended.code})")
    delay = random.uniform(0.5, 1.5) * min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempt, 10))
    said = _RETRY_AFTER.search(ended.text)
    wait = float(said[1]) if said is not None else ended.retry_after
    if wait is not None:
        delay += wait + random.random()  # whole seconds would bring many back in the same moment
    return Plan(delay, renew=ended.code in _SIGN_IN)
