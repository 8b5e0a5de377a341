"""HTTP: what is tried again, what is not, and what a person is told."""

from pathlib import Path

import pytest
import trio
from tests.cli.remote.scripted import Reply, http_server, refusal

from chatcli.problem import Failure
from chatcli.remote import api as api_module
from chatcli.remote.access import BotAccess, PersonAccess
from chatcli.remote.answer import Refused, Unreachable
from chatcli.remote.api import open_api
from chatcli.remote.credentials import Account, Credentials

GOOD = Reply(200, {"it": "works"})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays are short, and not what is tested."""
    monkeypatch.setattr(api_module, "FIRST_DELAY", 0.001)


def bot(url: str) -> BotAccess:
    return BotAccess(url=url, token="cct_x")


@pytest.mark.parametrize("passing", [None, refusal(503), Reply(502, b"<html>"), refusal(429, Retry_After="0")])
async def test_what_passes_is_waited_for(passing: Reply | None) -> None:
    async with http_server([passing, passing, GOOD]) as (url, asked), open_api(bot(url)) as api:
        assert await api.post("/x", {"tempId": "1"}) == {"it": "works"}
    assert [each.body for each in asked] == [{"tempId": "1"}] * 3
    assert {each.authorization for each in asked} == {"Bearer cct_x"}


async def test_the_server_says_how_long_to_wait() -> None:
    slow = Reply(429, {"error": {"message": "slow down"}}, (("Retry-After", "1"),))
    async with http_server([slow, GOOD]) as (url, _), open_api(bot(url)) as api:
        began = trio.current_time()
        await api.get("/x")
        assert trio.current_time() - began >= 1


async def test_a_wait_of_minutes_is_an_error_instead() -> None:
    slow = Reply(429, {"error": {"message": "Too many requests: try again in 900 seconds."}}, (("Retry-After", "900"),))
    async with http_server([slow]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Refused, match="900 seconds"):
            await api.get("/x")


async def test_what_does_not_pass_is_given_up_in_the_end() -> None:
    away = [refusal(503, message="away")] * api_module.ATTEMPTS
    async with http_server(away) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(Refused, match="away"):
            await api.get("/x")
    assert len(asked) == api_module.ATTEMPTS


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 500])
async def test_a_refusal_is_told_in_the_words_of_the_server(status: int) -> None:
    reply = Reply(status, {"error": {"code": "X", "message": "Not so.", "details": {"a": "b"}}})
    async with http_server([reply]) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(Refused, match=r"^Not so\.$"):
            await api.get("/x")
    assert len(asked) == 1


async def test_every_bad_field_is_named() -> None:
    details = {"content": "must not be empty", "threadId": "must be an id"}
    error = {"code": "VALIDATION_FAILED", "message": "content: must not be empty", "details": details}
    async with http_server([Reply(400, {"error": error})]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Refused) as caught:
            await api.get("/x")
    assert caught.value.message == "content: must not be empty; threadId: must be an id"


@pytest.mark.parametrize("reply", [Reply(200, b"<html>hello"), Reply(404, b"nothing here"), Reply(301, b"")])
async def test_what_is_no_chatcore_server(reply: Reply) -> None:
    async with http_server([reply]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Failure, match="not like a Chatcore server"):
            await api.get("/x")


async def test_nobody_listens() -> None:
    async with http_server([]) as (url, _):
        pass
    async with open_api(bot(url)) as api:
        with pytest.raises(Unreachable, match="is the server running"):
            await api.get("/x")


async def test_a_refused_bot_token_is_not_tried_again() -> None:
    async with http_server([refusal(401)]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Failure, match="chatcore token create"):
            await api.get("/x")


# --- people, whose tokens are renewed --------------------------------------------------------------------------------


def person(url: str, folder: Path) -> PersonAccess:
    account = Account(url=url, email="ada@example.org", access_token="a1", refresh_token="r1")
    credentials = Credentials(folder / "credentials.json")
    credentials.put(account)
    return PersonAccess(account=account, credentials=credentials)


async def test_an_expired_token_is_renewed_stored_and_used(tmp_path: Path) -> None:
    tokens = Reply(200, {"accessToken": "a2", "refreshToken": "r2", "user": {}})
    async with http_server([refusal(401, "TOKEN_EXPIRED"), tokens, GOOD]) as (url, asked):
        access = person(url, tmp_path)
        async with open_api(access) as api:
            assert await api.get("/x") == {"it": "works"}
    assert [each.line for each in asked] == [
        "GET /x HTTP/1.1",
        "POST /api/auth/refresh HTTP/1.1",
        "GET /x HTTP/1.1",
    ]
    assert asked[1].body == {"refreshToken": "r1"}
    assert asked[2].authorization == "Bearer a2"
    stored = access.credentials.find(url, None)
    assert stored is not None
    assert (stored.access_token, stored.refresh_token) == ("a2", "r2")


async def test_what_another_terminal_renewed_is_used_and_not_renewed_again(tmp_path: Path) -> None:
    async with http_server([refusal(401), GOOD]) as (url, asked):
        access = person(url, tmp_path)
        renewed = Account(url=url, email="ada@example.org", access_token="a2", refresh_token="r2")
        access.credentials.put(renewed)
        async with open_api(access) as api:
            await api.get("/x")
    assert [each.authorization for each in asked] == ["Bearer a1", "Bearer a2"]


async def test_an_ended_session_says_how_to_sign_in_again(tmp_path: Path) -> None:
    async with http_server([refusal(401), refusal(401)]) as (url, _), open_api(person(url, tmp_path)) as api:
        with pytest.raises(Failure, match="chatcore login"):
            await api.get("/x")


async def test_a_token_that_is_refused_when_fresh_is_the_end_of_it(tmp_path: Path) -> None:
    tokens = Reply(200, {"accessToken": "a2", "refreshToken": "r2"})
    replies = [refusal(401), tokens, refusal(401, message="still no")]
    async with http_server(replies) as (url, _), open_api(person(url, tmp_path)) as api:
        with pytest.raises(Refused, match="still no"):
            await api.get("/x")
