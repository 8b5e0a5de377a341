"""Close codes, in ranges that tell a client whether to come back (docs/reference/websocket.md)."""

from enum import IntEnum


class CloseCode(IntEnum):
    """1012 and 4000-4099: come back with your cursor. 1009, 4400: the client is wrong. 4401-4409: sign in again."""

    RESTART = 1012
    TOO_LARGE = 1009
    BROKE_DOWN = 4000
    TOO_SLOW = 4001
    NO_HEARTBEAT = 4002
    NOT_AN_OBJECT = 4400
    SIGN_IN = 4401
    FORBIDDEN = 4403
    SIGN_IN_LATE = 4408
    REVOKED = 4409
    TOO_MANY = 4429
