"""Signed tokens: JSON Web Tokens with HS256 (RFC 7519), one key for each kind."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from chatcore.errors import TokenExpired, Unauthorized
from chatcore.ports import TokenKind

ISSUER = "chatcore"
MAX_TOKEN = 4096
"""In characters; ours have some 400."""
_HEADER = {"alg": "HS256", "typ": "JWT"}
_BAD = "This token is not valid: sign in again."
# The times are checked here, by the caller's clock; PyJWT would ask the system's.
_OPTIONS: Any = {
    "require": ["iss", "aud", "sub", "iat", "exp"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class JwtCodec:
    """A `chatcore.ports.TokenCodec`.

    An access token and a refresh token differ in audience and in key, each derived from the secret, so neither can
    stand in for the other. Only tokens with exactly the header that `sign` writes are accepted: no other algorithm,
    no `kid`.
    """

    def __init__(self, secret: bytes) -> None:
        self._keys = {
            kind: hmac.digest(secret, f"chatcore {kind.value} token".encode("ascii"), hashlib.sha256)
            for kind in TokenKind
        }

    def sign(self, kind: TokenKind, claims: Mapping[str, Any], *, issued_at: int, expires_at: int) -> str:
        """A token with these claims; times in Unix seconds."""
        registered = {"iss": ISSUER, "aud": _audience(kind), "iat": issued_at, "exp": expires_at}
        return jwt.encode({**claims, **registered}, self._keys[kind], algorithm="HS256")

    def verify(self, kind: TokenKind, token: str, *, now: int) -> dict[str, Any]:
        """The claims of a good token. Raises TokenExpired when it is over, Unauthorized for every other fault."""
        if len(token) > MAX_TOKEN or not token.isascii():
            raise Unauthorized(_BAD)
        try:
            parts = jwt.decode_complete(
                token,
                self._keys[kind],
                algorithms=["HS256"],
                issuer=ISSUER,
                audience=_audience(kind),
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthorized(_BAD) from None
        if parts["header"] != _HEADER:
            raise Unauthorized(_BAD)
        claims: dict[str, Any] = parts["payload"]
        _check_times(claims, now)
        return claims


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    times = [claims[name] for name in ("iat", "exp", "nbf") if name in claims]
    if not all(type(moment) is int for moment in times) or type(claims["sub"]) is not str:
        raise Unauthorized(_BAD)
    # A token from the future (`iat`) is let pass: the clock may have jumped back, and nobody else can sign.
    if claims.get("nbf", now) > now:
        raise Unauthorized(_BAD)
    if claims["exp"] <= now:
        raise TokenExpired("This token has expired: refresh it, or sign in again.")


def _audience(kind: TokenKind) -> str:
    return f"chatcore:{kind.value}"
