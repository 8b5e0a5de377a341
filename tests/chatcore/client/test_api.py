"""HTTP: what is tried again, what is not, and what a person is told."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from tests.chatcore.client.scripted import Reply, http_server, refusal

from chatcore.client import Access, BotAccess, NotChatcore, PersonAccess, Tokens, Unreachable
from chatcore.client import api as api_module
from chatcore.client.api import Api, connect
from chatcore.client.faults import unreachable
from chatcore.errors import ChatError, RateLimited, Unauthorized, Unavailable, ValidationFailed

GOOD = Reply(200, {"it": "works"})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays are short, and not what is tested."""
    monkeypatch.setattr(api_module, "FIRST_DELAY", 0.001)


def bot(url: str) -> BotAccess:
    return BotAccess(url=url, token="cct_x")


@asynccontextmanager
async def open_api(access: Access) -> AsyncIterator[Api]:
    async with connect(access.url) as http:
        yield Api(access, http)


@pytest.mark.parametrize("passing", [None, refusal(503), Reply(502, b"<html>"), refusal(429, Retry_After="0")])
async def test_what_passes_is_waited_for(passing: Reply | None) -> None:
    async with http_server([passing, passing, GOOD]) as (url, asked), open_api(bot(url)) as api:
        assert await api.request("POST", "/x", body={"tempId": "1"}, again=True) == {"it": "works"}
    assert [each.body for each in asked] == [{"tempId": "1"}] * 3
    assert {each.authorization for each in asked} == {"Bearer cct_x"}


async def test_the_server_says_how_long_to_wait() -> None:
    slow = Reply(429, {"error": {"message": "slow down"}}, (("Retry-After", "1"),))
    async with http_server([slow, GOOD]) as (url, _), open_api(bot(url)) as api:
        began = trio.current_time()
        await api.request("GET", "/x", again=True)
        assert trio.current_time() - began >= 1


async def test_a_wait_of_minutes_is_an_error_instead() -> None:
    slow = Reply(429, {"error": {"message": "Too many requests: try again in 900 seconds."}}, (("Retry-After", "900"),))
    async with http_server([slow]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(RateLimited, match="900 seconds"):
            await api.request("GET", "/x", again=True)


async def test_what_does_not_pass_is_given_up_in_the_end() -> None:
    away = [refusal(503, message="away")] * api_module.ATTEMPTS
    async with http_server(away) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(Unavailable, match="away"):
            await api.request("GET", "/x", again=True)
    assert len(asked) == api_module.ATTEMPTS


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 500])
async def test_a_refusal_is_told_in_the_words_of_the_server(status: int) -> None:
    reply = Reply(status, {"error": {"code": "X", "message": "Not so.", "details": {"a": "b"}}})
    async with http_server([reply]) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(ChatError, match=r"^Not so\.$"):
            await api.request("GET", "/x", again=True)
    assert len(asked) == 1


async def test_every_bad_field_is_named() -> None:
    details = {"content": "must not be empty", "threadId": "must be an id"}
    error = {"code": "VALIDATION_FAILED", "message": "content: must not be empty", "details": details}
    async with http_server([Reply(400, {"error": error})]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(ValidationFailed) as caught:
            await api.request("GET", "/x")
    assert caught.value.details == details


async def test_what_may_not_be_sent_twice_is_not() -> None:
    async with http_server([refusal(503, "SERVICE_UNAVAILABLE"), GOOD]) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(Unavailable):
            await api.request("POST", "/x", body={})
    async with http_server([None, GOOD]) as (url, asked), open_api(bot(url)) as api:
        with pytest.raises(Unreachable):
            await api.request("POST", "/x", body={})
    assert len(asked) == 1


@pytest.mark.parametrize("reply", [Reply(200, b"<html>hello"), Reply(404, b"nothing here"), Reply(301, b"")])
async def test_what_is_no_chatcore_server(reply: Reply) -> None:
    async with http_server([reply]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(NotChatcore, match="not like a Chatcore server"):
            await api.request("GET", "/x", again=True)


async def test_nobody_listens() -> None:
    async with http_server([]) as (url, _):
        pass
    async with open_api(bot(url)) as api:
        with pytest.raises(Unreachable, match="is the server running"):
            await api.request("GET", "/x", again=True)


async def test_who_hangs_up_may_want_tls() -> None:
    async with http_server([None] * api_module.ATTEMPTS) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Unreachable, match=r"is it https:// instead of http://\?"):
            await api.request("GET", "/x", again=True)


def test_certificates_of_ones_own_can_be_named() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    assert "SSL_CERT_FILE" in unreachable("https://chat.example.org", error).message


async def test_a_refused_bot_token_is_not_tried_again() -> None:
    async with http_server([refusal(401)]) as (url, _), open_api(bot(url)) as api:
        with pytest.raises(Unauthorized, match="chatcore token create"):
            await api.request("GET", "/x", again=True)


# --- people, whose tokens are renewed --------------------------------------------------------------------------------


def person(url: str, kept: list[Tokens]) -> PersonAccess:
    return PersonAccess(url=url, tokens=Tokens(access_token="a1", refresh_token="r1"), keep=kept.append)


async def test_an_expired_token_is_renewed_kept_and_used() -> None:
    kept: list[Tokens] = []
    answer = Reply(200, {"accessToken": "a2", "refreshToken": "r2", "user": {}})
    replies = [refusal(401, "TOKEN_EXPIRED"), answer, GOOD]
    async with http_server(replies) as (url, asked), open_api(person(url, kept)) as api:
        assert await api.request("GET", "/x") == {"it": "works"}
    assert [each.line for each in asked] == [
        "GET /x HTTP/1.1",
        "POST /api/auth/refresh HTTP/1.1",
        "GET /x HTTP/1.1",
    ]
    assert asked[1].body == {"refreshToken": "r1"}
    assert asked[2].authorization == "Bearer a2"
    assert kept == [Tokens(access_token="a2", refresh_token="r2")]


async def test_several_requests_renew_once() -> None:
    answer = Reply(200, {"accessToken": "a2", "refreshToken": "r2"})
    access = person("", [])
    async with http_server([answer]) as (url, asked), connect(url) as http, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(access.renew, http, "a1")
    assert len(asked) == 1


async def test_a_token_that_is_refused_when_fresh_is_the_end_of_it() -> None:
    answer = Reply(200, {"accessToken": "a2", "refreshToken": "r2"})
    replies = [refusal(401, "UNAUTHORIZED"), answer, refusal(401, "UNAUTHORIZED", message="still no")]
    async with http_server(replies) as (url, _), open_api(person(url, [])) as api:
        with pytest.raises(Unauthorized, match="still no"):
            await api.request("GET", "/x")
