"""The line to a server: under TLS, and to one that does not answer."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
import trio
from tests.chatcore.client.scripted import Socket, socket_server
from trio_websocket import HandshakeError

from chatcore.client import dialling
from chatcore.client.dialling import dial
from chatcore.client.faults import why


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.fail("there is no openssl here to make a certificate: install it")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=chat",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both"
    both.write_bytes((folder / "key").read_bytes() + (folder / "cert").read_bytes())
    return both


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_socket_under_tls(tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(socket: Socket) -> None:
        await socket.joined(7)
        await socket.stay()

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with trio.fail_after(20):
        async with socket_server([act], tls) as (url, seen):
            line = await dial(url)
            async with line.stream, trio.open_nursery() as nursery:
                socket = await line.upgrade(nursery, "/api/realtime", "token")
                await socket.send_message('{"id": "1"}')
                assert "hello" in str(await socket.get_message())
                assert '"seq":7' in str(await socket.get_message())
                nursery.cancel_scope.cancel()
    assert seen[0].authorization == "Bearer token"


async def test_a_certificate_of_nobody_is_refused_and_said_to_be_one(tls: ssl.SSLContext) -> None:
    with trio.fail_after(20):
        async with socket_server([], tls) as (url, _):
            with pytest.raises(trio.BrokenResourceError) as caught:
                await dial(url)
    assert "certificate verify failed" in why(caught.value)


async def test_who_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    listener = trio.socket.socket()
    with listener:
        await listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with pytest.raises(trio.TooSlowError):
            await dial(f"https://127.0.0.1:{listener.getsockname()[1]}")


async def test_who_hangs_up_instead_of_answering_is_not_waited_for() -> None:
    async with trio.open_nursery() as nursery:
        listener, *_ = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, _hang_up, [listener])
        line = await dial(f"http://127.0.0.1:{listener.socket.getsockname()[1]}")
        async with line.stream:
            with trio.fail_after(dialling.UPGRADE_SECONDS / 3), pytest.raises(HandshakeError, match="closed"):
                await line.upgrade(nursery, "/api/realtime", None)
        nursery.cancel_scope.cancel()


async def _hang_up(stream: trio.SocketStream) -> None:
    await stream.receive_some()
    await stream.aclose()
