"""Forged tokens at every door of a real server: whatever is wrong with one, the answer is 401 or the socket's 4401.

Each names a person who is there and a session that is open, and nearly all are signed with the server's own key: one
thing is wrong with each.
"""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import orjson
import pytest
from tests.programme.inside import Inside, Person, inside

pytestmark = pytest.mark.programme

SECRET = "a secret of thirty-two bytes, ok"
KEYS = {
    kind: hmac.digest(SECRET.encode(), f"chatcore {kind} token".encode(), hashlib.sha256)
    for kind in ("access", "refresh")
}


def forged(claims: dict[str, Any], key: bytes = KEYS["access"], algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers or None)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def without(claims: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}


def forgeries(claims: dict[str, Any]) -> dict[str, str]:
    """By what is wrong with it. `claims`: those of a good access token."""
    now: int = claims["iat"]
    return {
        "none": unsigned(claims, "none"),
        "NONE": unsigned(claims, "NONE"),
        "another algorithm of the same kind": forged(claims, KEYS["access"] * 2, "HS512"),
        "says RS256": unsigned(claims, "RS256") + base64.urlsafe_b64encode(b"x" * 256).rstrip(b"=").decode(),
        "kid": forged(claims, kid="../../../dev/null"),
        "jwk": forged(claims, jwk={"kty": "oct", "k": "AAAA"}),
        "aud of refreshing": forged({**claims, "aud": "chatcore:refresh"}),
        "aud of another app": forged({**claims, "aud": "another"}),
        "no aud": forged(without(claims, "aud")),
        "exp in the past": forged({**claims, "iat": now - 2000, "exp": now - 1000}),
        "no exp": forged(without(claims, "exp")),
        "exp as text": forged({**claims, "exp": str(now + 900)}),
        "nbf in the future": forged({**claims, "nbf": now + 3600}),
        "the key of refreshing": forged(claims, KEYS["refresh"]),
        "another server's key": forged(claims, hashlib.sha256(b"another secret").digest()),
        "the secret itself": forged(claims, SECRET.encode()),
        "cut": forged(claims)[:-1],
    }


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


async def opened(server: Inside, token: str, workspace_id: str) -> int:
    """The code with which a socket is closed that is opened with this token; 0: it was let in."""
    client = await server.socket(Person("forger", token=token))
    await client.say("join_workspace", "try", workspaceId=workspace_id)
    return await _ending(client)


async def said(server: Inside, token: str, workspace_id: str) -> int:
    """As `opened`, with the token in the first frame."""
    client = await server.socket(Person("forger"))
    await client.say("join_workspace", "try", workspaceId=workspace_id, accessToken=token)
    return await _ending(client)


async def _ending(client: Any) -> int:
    try:
        while (text := await client.receive()) is not None:
            frame = orjson.loads(text)
            if frame.get("id") == "try" and frame["ok"]:
                return 0
        return int(client.close_code)
    finally:
        await client.aclose()


async def test_a_forged_token_opens_no_door() -> None:
    async with inside(secret=SECRET) as server:
        ada = await server.person()
        team = await server.chat.workspaces.create(name="Team", slug="team", owner=ada.id)
        assert ada.token is not None
        claims = claims_of(ada.token)

        good = forged(claims)
        assert (await server.rest(Person("forger", token=good), "GET", "/api/users/me")).status_code == 200
        assert await opened(server, good, team.id) == await said(server, good, team.id) == 0

        let_in = []
        for wrong, token in {**forgeries(claims), "a refresh token": ada.refresh_token or ""}.items():
            answer = await server.rest(Person("forger", token=token), "GET", "/api/users/me")
            doors = (answer.status_code, await opened(server, token, team.id), await said(server, token, team.id))
            if doors != (401, 4401, 4401):
                let_in.append(f"{wrong}: {doors}")
        assert not let_in, "\n".join(let_in)


async def test_a_forged_token_renews_nothing() -> None:
    async with inside(secret=SECRET) as server:
        ada = await server.person()
        assert ada.token is not None
        assert ada.refresh_token is not None
        claims = claims_of(ada.refresh_token)
        let_in = []
        attempts = {wrong: token for wrong, token in forgeries(claims).items() if wrong != "the key of refreshing"}
        for wrong, token in {**attempts, "an access token": ada.token}.items():
            answer = await server.rest(Person("nobody"), "POST", "/api/auth/refresh", {"refreshToken": token})
            if answer.status_code != 401:
                let_in.append(f"{wrong}: {answer.status_code}")
        assert not let_in, "\n".join(let_in)
        renewed = await server.rest(Person("nobody"), "POST", "/api/auth/refresh", {"refreshToken": ada.refresh_token})
        assert renewed.status_code == 200, "none of them ended the session, either"
