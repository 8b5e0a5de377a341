"""Both lanes under TLS, and HTTP/2 beside them."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
import trio
from tests.chatserver.net.authority import make_certificate
from tests.chatserver.net.client import Client
from tests.chatserver.net.conftest import a_server
from tests.chatserver.net.frames import TEXT, frame


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls")) / "both"


@pytest.fixture
async def secure(certificate: Path) -> AsyncIterator[Any]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with a_server(tls=context) as server:
        yield server


async def dial(server: Any, certificate: Path, *alpn: str) -> Any:
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(list(alpn))
    tcp = await trio.open_tcp_stream("127.0.0.1", server.port)
    return trio.SSLStream(tcp, context, server_hostname="127.0.0.1", https_compatible=True)


async def test_http_and_websocket_under_tls(secure: Any, certificate: Path) -> None:
    team = secure.team
    web = Client(await dial(secure, certificate, "http/1.1"))
    assert (await web.get("/?100000"))[2] == b"x" * 100_000
    token = await team.token(team.ada)
    ada = await Client.connect(
        secure.port,
        stream=await dial(secure, certificate, "http/1.1"),
        headers=(f"Cookie: __Host-chatcore_access={token}", "Origin: https://127.0.0.1"),
    )
    assert (await ada.ask("join_workspace", workspaceId=team.workspace.id))["ok"]
    for number in range(50):
        await team.chat.messages.send(team.general, author=team.bob, content=f"{number}")
    heard = [(await ada.hear("message_received"))["data"]["message"]["content"] for _ in range(50)]
    assert heard == [str(number) for number in range(50)]
    await ada.send(frame(TEXT, b"nope"))
    assert await ada.closed() == 4400
    for client in (web, ada):
        await client.aclose()


async def test_a_stalled_reader_under_tls_is_closed(secure: Any, certificate: Path) -> None:
    team = secure.team
    headers = (f"Authorization: Bearer {await team.token(team.ada)}",)
    ada = await Client.connect(secure.port, stream=await dial(secure, certificate, "http/1.1"), headers=headers)
    await ada.ask("join_workspace", workspaceId=team.workspace.id)
    bob = await Client.connect(secure.port, stream=await dial(secure, certificate, "http/1.1"), headers=headers)
    await bob.ask("join_workspace", workspaceId=team.workspace.id)
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bob.closed, 60)
            while not secure.gateway.tally.closed[4001]:
                await team.chat.messages.send(team.general, author=team.bob, content="x" * 4000)
            nursery.cancel_scope.cancel()
    assert secure.gateway.connections == 1
    for client in (ada, bob):
        await client.aclose()


async def test_who_does_not_speak_tls_is_no_trouble(secure: Any, certificate: Path) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", secure.port)
    await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with trio.fail_after(5):
        try:
            while await stream.receive_some():
                pass
        except trio.BrokenResourceError:
            pass
    await trio.aclose_forcefully(stream)
    web = Client(await dial(secure, certificate))
    assert (await web.get("/"))[0] == 200
    await web.aclose()


# --- HTTP/2 ----------------------------------------------------------------------------------------------------------


class Http2:
    """As much of a client as the tests need."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))

    async def start(self) -> None:
        self.connection.initiate_connection()
        await self.flush()
        await self.until(lambda event: isinstance(event, h2.events.RemoteSettingsChanged))

    async def flush(self) -> None:
        await self.stream.send_all(self.connection.data_to_send())

    async def until(self, wanted: Any) -> list[Any]:
        """Events up to the one that is wanted."""
        seen: list[Any] = []
        with trio.fail_after(5):
            while True:
                data = await self.stream.receive_some()
                assert data, "the connection ended"
                for event in self.connection.receive_data(data):
                    seen.append(event)
                    if isinstance(event, h2.events.DataReceived):
                        self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                await self.flush()
                if any(wanted(event) for event in seen):
                    return seen


def heads(path: str = "/", **pseudo: str) -> list[tuple[str, str]]:
    fields = {"method": "GET", "scheme": "https", "authority": "x", "path": path} | pseudo
    return [(f":{name}", value) for name, value in fields.items()]


async def test_requests_over_http2(secure: Any, certificate: Path) -> None:
    client = Http2(await dial(secure, certificate, "h2"))
    await client.start()
    for number in (1, 3, 5):
        client.connection.send_headers(number, heads("/?1000"), end_stream=True)
    await client.flush()
    ended: set[int] = set()

    def all_ended(event: Any) -> bool:
        if isinstance(event, h2.events.StreamEnded):
            ended.add(event.stream_id)
        return ended == {1, 3, 5}

    seen = await client.until(all_ended)
    assert sum(len(event.data) for event in seen if isinstance(event, h2.events.DataReceived)) == 3000
    await trio.aclose_forcefully(client.stream)


async def test_a_websocket_over_http2(secure: Any, certificate: Path) -> None:
    client = Http2(await dial(secure, certificate, "h2"))
    await client.start()
    token = await secure.team.token(secure.team.ada)
    offered = [
        *heads("/api/realtime", method="CONNECT", protocol="websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("authorization", f"Bearer {token}"),
    ]
    client.connection.send_headers(1, offered)
    await client.flush()
    # A ping may come before the greeting.
    seen = await client.until(lambda event: isinstance(event, h2.events.DataReceived) and b'"hello"' in event.data)
    (answer,) = [event for event in seen if isinstance(event, h2.events.ResponseReceived)]
    names = dict(answer.headers)
    assert names[":status"] == "200"
    assert "sec-websocket-extensions" not in names
    client.connection.send_data(1, frame(TEXT, b"nope"))
    await client.flush()
    code = (4400).to_bytes(2, "big")
    await client.until(lambda event: isinstance(event, h2.events.DataReceived) and code in event.data)
    await trio.aclose_forcefully(client.stream)


@pytest.mark.parametrize("field", [":path", ":method"])
async def test_one_strange_byte_in_http2_kills_nothing(secure: Any, certificate: Path, field: str) -> None:
    client = Http2(await dial(secure, certificate, "h2"))
    await client.start()
    strange = [(name, value + "\xff" if name == field else value) for name, value in heads()]
    client.connection.config.validate_outbound_headers = False
    client.connection.send_headers(1, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in strange])
    await client.flush()
    await client.until(lambda event: isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated))
    await trio.aclose_forcefully(client.stream)
    web = Client(await dial(secure, certificate))
    assert (await web.get("/"))[0] == 200
    await web.aclose()
