"""Signed tokens, and those who would like to sign them."""

import base64
import hashlib
import hmac
import json
from itertools import permutations
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_auth_password.codec import JwtCodec
from chatcore.errors import TokenExpired, Unauthorized
from chatcore.ports import TokenKind

SECRET = b"a secret of thirty-two bytes, ok"
NOW = 1_800_000_000
CLAIMS = {"sub": "01890a5d-ac96-774b-bcce-b302099a8057", "email": "ada@example.org", "sid": "s"}
codec = JwtCodec(SECRET)


def signed(kind: TokenKind = TokenKind.ACCESS) -> str:
    return codec.sign(kind, CLAIMS, issued_at=NOW, expires_at=NOW + 900)


def key(kind: TokenKind = TokenKind.ACCESS) -> bytes:
    """The key itself: the attacks below are those that must fail even with a good signature."""
    return hmac.digest(SECRET, f"chatcore {kind.value} token".encode(), hashlib.sha256)


def forged(headers: dict[str, Any] | None = None, without: str = "", **claims: Any) -> str:
    good = {"iss": "chatcore", "aud": "chatcore:access", "iat": NOW, "exp": NOW + 900, **CLAIMS, **claims}
    good.pop(without, None)
    return jwt.encode(good, key(), algorithm="HS256", headers=headers)


def by_hand(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("kind", TokenKind)
def test_what_was_signed_comes_back(kind: TokenKind) -> None:
    claims = codec.verify(kind, signed(kind), now=NOW)
    assert {**claims, **CLAIMS} == claims
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 900)


def test_the_forger_of_these_tests_can_sign() -> None:
    assert codec.verify(TokenKind.ACCESS, forged(), now=NOW)["sub"] == CLAIMS["sub"]


@pytest.mark.parametrize(("signed_as", "wanted"), list(permutations(TokenKind, 2)))
def test_no_kind_stands_in_for_another(signed_as: TokenKind, wanted: TokenKind) -> None:
    with pytest.raises(Unauthorized):
        codec.verify(wanted, signed(signed_as), now=NOW)


def test_it_is_over_when_it_says() -> None:
    assert codec.verify(TokenKind.ACCESS, signed(), now=NOW + 899)
    with pytest.raises(TokenExpired):
        codec.verify(TokenKind.ACCESS, signed(), now=NOW + 900)


def test_a_clock_that_jumped_back_throws_nobody_out() -> None:
    assert codec.verify(TokenKind.ACCESS, signed(), now=NOW - 3600)


def test_another_servers_key_is_not_ours() -> None:
    with pytest.raises(Unauthorized):
        JwtCodec(b"another server's very own secret").verify(TokenKind.ACCESS, signed(), now=NOW)


def test_an_expired_token_of_another_server_is_not_called_expired() -> None:
    with pytest.raises(Unauthorized) as caught:
        JwtCodec(b"another server's very own secret").verify(TokenKind.ACCESS, signed(), now=NOW + 9000)
    assert not isinstance(caught.value, TokenExpired)


PAYLOAD = {"iss": "chatcore", "aud": "chatcore:access", "iat": NOW, "exp": NOW + 900, **CLAIMS}
BAD_TOKENS = {
    "alg none": by_hand({"alg": "none", "typ": "JWT"}, PAYLOAD),
    "alg None": by_hand({"alg": "None", "typ": "JWT"}, PAYLOAD),
    "no alg": by_hand({"typ": "JWT"}, PAYLOAD),
    "alg none with our signature": by_hand({"alg": "none"}, PAYLOAD, hmac.digest(key(), b"", hashlib.sha256)),
    "HS512": jwt.encode(PAYLOAD, key() * 2, algorithm="HS512"),
    "HS384 with our key": jwt.encode(PAYLOAD, key() * 2, algorithm="HS384"),
    "says RS256": by_hand({"alg": "RS256", "typ": "JWT"}, PAYLOAD, b"x" * 256),
    "signed with the secret itself": jwt.encode(PAYLOAD, SECRET, algorithm="HS256"),
    "signed with nothing": jwt.encode(PAYLOAD, b"\0" * 32, algorithm="HS256"),
    "kid": forged({"kid": "../../../../dev/null"}),
    "kid as SQL": forged({"kid": "1' UNION SELECT 'x"}),
    "jku": forged({"jku": "https://evil.example/keys.json"}),
    "jwk": forged({"jwk": {"kty": "oct", "k": "AAAA"}}),
    "x5u": forged({"x5u": "https://evil.example/cert.pem"}),
    "crit": forged({"crit": ["exp"]}),
    "other typ": forged({"typ": "at+jwt"}),
    "wrong aud": forged(aud="chatcore:refresh"),
    "foreign aud": forged(aud="another-app"),
    "wrong iss": forged(iss="another-app"),
    "nbf in the future": forged(nbf=NOW + 1),
    "no exp": forged(without="exp"),
    "no iat": forged(without="iat"),
    "no sub": forged(without="sub"),
    "no aud": forged(without="aud"),
    "no iss": forged(without="iss"),
    "exp as text": forged(exp=str(NOW + 900)),
    "exp as a fraction": forged(exp=NOW + 900.5),
    "exp true": forged(exp=True),
    "exp null": forged(exp=None),
    "nbf as text": forged(nbf="0"),
    "sub as a number": forged(sub=1),
    "sub as a list": forged(sub=["x"]),
    "claims changed": ".".join(
        [signed().split(".")[0], by_hand({}, {**PAYLOAD, "sub": "someone else"}).split(".")[1], signed().split(".")[2]]
    ),
    "signature cut": signed()[:-1],
    "signature gone": signed().rpartition(".")[0] + ".",
    "empty": "",
    "dots": "..",
    "not ASCII": signed() + "é",
    "half of a surrogate pair": "\ud800.\ud800.\ud800",
    "NUL": signed() + "\x00",
    "white space": signed() + " ",
    "JSON of lists": by_hand([], []),  # type: ignore[arg-type]
    "deep": base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.x",
    "huge": "x" * 10_000_000,
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused(name: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        codec.verify(TokenKind.ACCESS, BAD_TOKENS[name], now=NOW)
    assert not isinstance(caught.value, TokenExpired)
    assert caught.value.message == "This token is not valid: sign in again."


@given(st.text(st.characters(), max_size=300) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
def test_wild_input_is_refused_never_a_crash(token: str) -> None:
    with pytest.raises(Unauthorized):
        codec.verify(TokenKind.ACCESS, token, now=NOW)


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5)))
def test_wild_headers_and_claims_are_refused(wild: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        codec.verify(TokenKind.ACCESS, by_hand({"alg": "HS256", "typ": "JWT", **wild}, wild), now=NOW)


@given(st.integers(min_value=0), st.sampled_from(["A", "z", "0", "-", "_", ".", "="]))
def test_no_character_of_a_token_may_change(place: int, character: str) -> None:
    token = signed()
    place %= len(token) - 1  # some bits of the last character mean nothing (RFC 4648 §3.5)
    changed = token[:place] + character + token[place + 1 :]
    if changed == token:
        return
    with pytest.raises(Unauthorized):
        codec.verify(TokenKind.ACCESS, changed, now=NOW)
