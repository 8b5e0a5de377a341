"""`chatcore doctor` and TURN: against a real coturn."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from tests.services.coturn import Coturn, running_coturn

from chatcli.health import stun
from chatcli.health.finding import Finding, State
from chatcli.health.turn import Server, TurnProblem, check_turn, connecting
from chatcore.config import Config
from chatcore.ports import turn_credentials


def examine(url: str | None, secret: str | None) -> list[Finding]:
    async def run() -> list[Finding]:
        return [found async for found in check_turn(Config(turn_server_url=url, turn_secret=secret))]

    return trio.run(run)


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    with running_coturn() as server:
        yield server


def test_a_server_that_relays_is_well_over_udp_and_tcp(coturn: Coturn) -> None:
    found = examine(coturn.url, coturn.secret)
    assert [(each.state, each.said.partition(" ")[0]) for each in found] == [
        (State.OK, f"{coturn.url}?transport=udp"),
        (State.OK, f"{coturn.url}?transport=tcp"),
    ]
    assert all("relays, in" in each.said for each in found)


def test_another_secret_is_named(coturn: Coturn) -> None:
    for found in examine(coturn.url, "south"):
        assert (found.state, "401" in found.said) == (State.FAIL, True)
        assert found.advice is not None
        assert "TURN_SECRET" in found.advice


def test_a_server_that_refuses_private_peers_says_so() -> None:
    with running_coturn(denied=["127.0.0.0-127.255.255.255"]) as server:
        (found, *_) = examine(server.url, server.secret)
    assert (found.state, "403" in found.said) == (State.FAIL, True)
    assert found.advice is not None
    assert "denied-peer-ip" in found.advice


PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "huddles.md"
INSIDE = (
    "0.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
)


def test_the_configuration_of_the_page_keeps_the_inside_of_a_network_out_of_reach() -> None:
    denied = re.findall(r"^denied-peer-ip=(\S+)", PAGE.read_text("utf-8"), re.MULTILINE)

    async def permitted(server: Coturn, host: str) -> bool:
        username, password = turn_credentials(server.secret, "somebody", int(time.time()) + 60)
        async with connecting(Server.of(server.url), username, password) as client:
            await client.allocate()
            try:
                await client.permit((host, 80))
            except TurnProblem as problem:
                assert problem.said.startswith("it answers 403"), f"{host}: {problem.said}"  # noqa: PT017 (a question)
                return False
            return True

    with running_coturn(denied=denied) as server:
        assert [host for host in INSIDE if trio.run(permitted, server, host)] == []
        assert trio.run(permitted, server, "203.0.113.9")


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for found in examine(f"turn:127.0.0.1:{port}", "x"):
            assert found.state is State.FAIL
            assert found.advice is not None
            assert "running" in found.advice


def test_half_a_configuration_is_a_mistake() -> None:
    (found,) = examine("turn:turn.example.org", None)
    assert (found.state, found.said) == (State.FAIL, "TURN_SECRET is not set")
    assert examine(None, None) == []


def test_addresses() -> None:
    assert Server.of("turn:a.example:99?transport=tcp") == Server("a.example", 99, "tcp")
    assert Server.of("turn:a.example?transport=udp") == Server("a.example", 3478, "udp")
    assert Server.of("turns:a.example") == Server("a.example", 5349, "tls")
    for wrong in ("http://a", "turn:", "turn:a:b", "stun:a:1"):
        with pytest.raises(TurnProblem):
            Server.of(wrong)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_none(data: bytes) -> None:
    found = stun.decode(data)
    assert found is None or found.transaction == data[8:20]


@given(st.ip_addresses().map(str), st.integers(0, 65535), st.binary(min_size=12, max_size=12), st.binary(max_size=64))
def test_what_is_written_is_read(host: str, port: int, transaction: bytes, word: bytes) -> None:
    message = stun.Message(stun.SEND | stun.INDICATION, {}, transaction)
    message.attributes = {stun.PEER: stun.peer((host, port), transaction), stun.DATA_VALUE: word}
    found = stun.decode(message.encode(b"key"))
    assert found is not None
    assert found.attributes[stun.DATA_VALUE] == word
    assert found.address(stun.PEER) == (host, port)
