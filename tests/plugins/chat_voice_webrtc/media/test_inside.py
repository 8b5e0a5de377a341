"""What is used of the insides of aiortc and aioice is there: a new version that changed one of them fails here."""

import asyncio
import importlib.metadata
import inspect
from typing import Any

import pytest
import trio
from aioice.ice import Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport

from chat_voice_webrtc.media import inside
from chat_voice_webrtc.media.mux import Mux


def test_the_versions_are_those_that_were_read() -> None:
    versions = {name: importlib.metadata.version(name) for name in ("aiortc", "aioice")}
    assert versions["aiortc"].startswith("1.16.")
    assert versions["aioice"].startswith("0.13.")


async def test_every_private_name_is_there() -> None:
    async def look() -> list[str]:
        gatherer = RTCIceGatherer(iceServers=[])
        dtls = RTCDtlsTransport(RTCIceTransport(gatherer), [RTCCertificate.generateCertificate()])
        connection = gatherer._connection
        wanted: list[tuple[Any, str]] = [(dtls, name) for name in ("_rx_srtp", "_tx_srtp", "_set_role")]
        wanted += [
            (connection, name)
            for name in (
                "_protocols", "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated",
                "_remote_candidates", "_queue", "check_incoming", "request_received",
            )
        ]  # fmt: skip
        return [name for thing, name in wanted if not hasattr(thing, name)]

    assert await trio.to_thread.run_sync(lambda: asyncio.run(look())) == []
    assert list(inspect.signature(Connection.check_incoming).parameters) == ["self", "message", "addr", "protocol"]
    assert list(inspect.signature(Connection.request_received).parameters) == ["self", "message", "addr", "protocol"]
    assert "request" in vars(StunProtocol)
    assert "close" in vars(StunProtocol)


def test_a_certificate_is_kept_and_made_anew_in_time() -> None:
    identity = inside.Identity()
    first = identity.certificate()
    assert identity.certificate() is first
    assert inside.fingerprint_of(first).startswith("sha-256 ")


async def test_a_client_that_never_comes_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "CONNECT_SECONDS", 0.2)

    async def wait() -> tuple[str, int]:
        mux = Mux(["127.0.0.1"], range(40_900, 40_999))
        mux.open()
        client = inside.Client(mux, inside.Identity().certificate(), _nothing, _nothing)
        try:
            await client.connect("user", "p" * 22, (("sha-256", "AB"),), "client")
        except inside.Refused as error:
            return str(error), client.send_rtp(b"\x80" * 20)
        finally:
            await client.close()
            mux.close()
        raise AssertionError("nobody was there")

    problem, sent = await trio.to_thread.run_sync(lambda: asyncio.run(wait()))
    assert "0.2 s" in problem
    assert sent == 0


def _nothing(data: bytes, now: float) -> None:
    raise AssertionError("nothing was sent")


@pytest.mark.parametrize("steps", range(4))
async def test_a_client_that_leaves_at_once_stops_nothing(steps: int) -> None:
    async def come_and_go() -> str:
        mux = Mux(["127.0.0.1"], range(40_900, 40_999))
        mux.open()
        client = inside.Client(mux, inside.Identity().certificate(), _nothing, _nothing)
        coming = asyncio.create_task(client.connect("user", "p" * 22, (("sha-256", "AB"),), "client"))
        try:
            for _ in range(steps):
                await asyncio.sleep(0)
            await client.close()
            async with asyncio.timeout(5):
                await coming
        except inside.Refused as error:
            return str(error)
        finally:
            mux.close()
        return "connected"

    assert await trio.to_thread.run_sync(asyncio.run, come_and_go()) in ("the client left", "no path was found")
