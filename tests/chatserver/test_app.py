"""The server as a whole: in a nursery, and as a process with a database that outlives it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio
from quart_trio import QuartTrio
from tests.chatserver.exposition import families
from trio_websocket import connect_websocket_url

from chatcore import Chat, Config, open_chat
from chatcore.errors import ConfigError
from chatserver.app import Address, serve

SERVER = """
import sys, trio
from chatcore import Config
from chatserver.app import run_server
trio.run(lambda: run_server(Config(database_url=sys.argv[1], bcrypt_rounds=4), port=0))
"""
ADA = {"email": "ada@example.org", "password": "correct horse battery", "firstName": "Ada", "lastName": "L"}


@pytest.fixture
async def address(chat: Chat) -> AsyncIterator[Address]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve, chat, port=0))
        nursery.cancel_scope.cancel()


async def test_a_chat_is_served_in_the_process_that_uses_it(chat: Chat, address: Address) -> None:
    async with httpx.AsyncClient(base_url=address.url) as client:
        made = await client.post("/api/auth/register", json=ADA)
        assert made.status_code == 201
        signed_in = {"Authorization": f"Bearer {made.json()['accessToken']}"}
        created = await client.post("/api/workspaces", json={"name": "T", "slug": "t"}, headers=signed_in)
        assert created.status_code == 201
        user = await chat.users.by_email(ADA["email"])
        async with chat.subscribe(user, created.json()["id"]) as events:
            (general,) = await chat.channels.list(created.json()["id"], actor=user)
            path = f"/api/channels/{general.channel.id}/messages"
            assert (await client.post(path, json={"content": "hello"}, headers=signed_in)).status_code == 201
            with trio.fail_after(5):
                event = await anext(aiter(events))
        assert event.type == "message_received"


async def test_the_same_port_speaks_websocket(chat: Chat, address: Address) -> None:
    user = await chat.users.create(email="ada@example.org", display_name="Ada")
    token = (await chat.sessions.open(user)).access_token
    url = address.url.replace("http", "ws") + "/api/realtime"
    async with trio.open_nursery() as nursery:
        socket = await connect_websocket_url(
            nursery, url, extra_headers=[(b"Authorization", b"Bearer " + token.encode())]
        )
        with trio.fail_after(5):
            assert '"type":"hello"' in (await socket.get_message()).replace(" ", "")
        await socket.aclose()
        nursery.cancel_scope.cancel()
    async with httpx.AsyncClient(base_url=address.url) as client:
        metrics = families((await client.get("/metrics")).text)
        assert metrics["chatcore_sockets_opened"].samples[0].value == 1
        assert metrics["chatcore_connections"].samples[0].value >= 1
        assert metrics["chatcore_loop_lag_seconds"].type == "histogram"
        assert metrics["chatcore_http_requests"].type == "counter"
        assert (await client.get("/api/realtime")).status_code == 426


async def test_head_and_keep_alive_over_a_real_connection(address: Address) -> None:
    async with httpx.AsyncClient(base_url=address.url) as client:
        for _ in range(5):
            head = await client.head("/api/health")
            got = await client.get("/api/health")
            assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.content))
            assert head.content == b""


async def test_two_servers_of_one_chat_and_an_application_of_one_s_own(chat: Chat) -> None:
    app = QuartTrio("mine")

    @app.get("/")
    async def home() -> str:
        return "my page"

    async with trio.open_nursery() as nursery:
        first = await nursery.start(partial(serve, chat, port=0))
        second = await nursery.start(partial(serve, chat, port=0, app=app))
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{first.url}/api/health")).status_code == 200
            assert (await client.get(f"{second.url}/api/health")).status_code == 200
            assert (await client.get(f"{second.url}/")).text == "my page"
            assert (await client.get(f"{first.url}/")).status_code == 404
        nursery.cancel_scope.cancel()


async def test_stop_lets_a_request_finish_and_takes_no_more(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, stop = trio.Event(), trio.Event(), trio.Event()
    health = chat.health

    async def slow() -> dict[str, Any]:
        begun.set()
        await go_on.wait()
        return await health()

    monkeypatch.setattr(chat, "health", slow)
    answers: list[int] = []

    async def ask(url: str) -> None:
        async with httpx.AsyncClient() as client:
            answers.append((await client.get(f"{url}/api/health/ready")).status_code)

    async with trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve, chat, port=0, stop=stop))
        nursery.start_soon(ask, address.url)
        await begun.wait()
        stop.set()
        await trio.sleep(0.1)
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(f"{address.url}/api/health")
        go_on.set()
    assert answers == [200]


async def test_a_taken_port_is_said_clearly(chat: Chat, address: Address) -> None:
    with pytest.raises((ConfigError, BaseExceptionGroup)) as refused:
        await serve(chat, port=address.port)
    assert refused.group_contains(ConfigError) if isinstance(refused.value, BaseExceptionGroup) else True


@pytest.mark.parametrize("field", ["trusted_proxies", "allowed_origins"])
async def test_bad_settings_stop_the_start(field: str) -> None:
    config = attrs.evolve(Config(database_url="memory:"), **{field: ("nonsense",)})
    async with open_chat(config=config) as chat:
        with pytest.raises(ConfigError, match=field):
            await serve(chat, port=0)


def test_addresses_are_written_as_people_type_them() -> None:
    assert Address(host="127.0.0.1", port=80).url == "http://127.0.0.1:80"
    assert Address(host="::1", port=443, tls=True).url == "https://[::1]:443"


# --- the process ---------------------------------------------------------------------------------------------------


@attrs.frozen
class Running:
    process: "subprocess.Popen[str]"
    url: str

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what was said on stderr."""
        self.process.send_signal(how)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    """A server process on the database in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, "sqlite:///chat.db"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = re.fullmatch(r"Chatcore is ready on (http://127\.0\.0\.1:\d+)\n", line)
        if ready is None:
            process.kill()
            raise AssertionError(f"said {line!r}, and {process.communicate()[1]}")
        yield Running(process, ready[1])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_the_life_of_the_process(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        code, said = server.stop()
    assert code == 0
    password = re.search(r"e-mail owner@localhost +password (\S+)", said)
    assert password is not None
    login = {"email": "owner@localhost", "password": password[1]}
    with running(tmp_path) as server:
        answer = httpx.post(f"{server.url}/api/auth/login", json=login)
        assert answer.status_code == 200
        code, said = server.stop(signal.SIGINT)
    assert code == 0
    assert "password" not in said


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_failed_logins_are_remembered_over_a_restart(tmp_path: Path, how: signal.Signals) -> None:
    wrong = {"email": "owner@localhost", "password": "wrong horse battery"}
    with running(tmp_path) as server:
        for _ in range(5):
            assert httpx.post(f"{server.url}/api/auth/login", json=wrong).status_code == 401
        server.stop(how)
    with running(tmp_path) as server:
        refused = httpx.post(f"{server.url}/api/auth/login", json=wrong)
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert 1 <= int(refused.headers["retry-after"]) <= 900
