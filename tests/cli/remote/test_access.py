"""The sign-in of a person, which all terminals share."""

from pathlib import Path

import pytest
from tests.chatcore.client.scripted import Reply, http_server, refusal

from chatcli.remote.access import StoredAccess
from chatcli.remote.credentials import Account, Credentials
from chatcore.client import open_client
from chatcore.errors import Unauthorized

GOOD = Reply(200, {"it": "works"})


def person(url: str, folder: Path) -> StoredAccess:
    account = Account(url=url, email="ada@example.org", access_token="a1", refresh_token="r1")
    credentials = Credentials(folder / "credentials.json")
    credentials.put(account)
    return StoredAccess(account=account, credentials=credentials)


async def test_an_expired_token_is_renewed_stored_and_used(tmp_path: Path) -> None:
    tokens = Reply(200, {"accessToken": "a2", "refreshToken": "r2", "user": {}})
    async with http_server([refusal(401, "TOKEN_EXPIRED"), tokens, GOOD]) as (url, asked):
        access = person(url, tmp_path)
        async with open_client(url, access=access) as client:
            assert await client.request("GET", "/x") == {"it": "works"}
    assert [each.authorization for each in asked] == ["Bearer a1", None, "Bearer a2"]
    assert asked[1].body == {"refreshToken": "r1"}
    stored = access.credentials.find(url, None)
    assert stored is not None
    assert (stored.access_token, stored.refresh_token) == ("a2", "r2")


async def test_what_another_terminal_renewed_is_used_and_not_renewed_again(tmp_path: Path) -> None:
    async with http_server([refusal(401), GOOD]) as (url, asked):
        access = person(url, tmp_path)
        renewed = Account(url=url, email="ada@example.org", access_token="a2", refresh_token="r2")
        access.credentials.put(renewed)
        async with open_client(url, access=access) as client:
            await client.request("GET", "/x")
    assert [each.authorization for each in asked] == ["Bearer a1", "Bearer a2"]


async def test_an_ended_session_says_how_to_sign_in_again(tmp_path: Path) -> None:
    replies = [refusal(401), refusal(401)]
    async with http_server(replies) as (url, _), open_client(url, access=person(url, tmp_path)) as client:
        with pytest.raises(Unauthorized, match="chatcore login"):
            await client.request("GET", "/x")
