"""`chatcore serve` over HTTPS: its certificate is renewed by SIGHUP while sockets stay open."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.authority import der, make_certificate
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import TEXT, frame
from tests.chatserver.net.test_certificate import dial, shown
from tests.cli.process import PATIENCE, READY, Process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate in it, and another one below `new`."""
    make_certificate(tmp_path)
    make_certificate(tmp_path / "new")
    return tmp_path


def environ(**variables: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATCORE_")}
    return clean | {"RATE_LIMITS": "off"} | variables


@pytest.fixture
def server(folder: Path) -> Iterator[Process]:
    process = Process(
        folder, "serve", "--port", "0", "--tls-cert", "cert", "--tls-key", "key", name="server", env=environ()
    )
    yield process
    process.clear()


@pytest.mark.slow
async def test_hangup_renews_the_certificate_and_drops_nobody(folder: Path, server: Process) -> None:
    url = (await trio.to_thread.run_sync(server.wait_for, READY.pattern))[1]
    assert url.startswith("https://127.0.0.1:")
    port = int(url.rpartition(":")[2])
    old, new = shutil.copy(folder / "cert", folder / "old"), folder / "new" / "cert"
    socket = await Client.connect(port, stream=await dial(port, old))
    await socket.hear("hello")
    web = Client(await dial(port, old))
    assert (await web.get("/api/health"))[0] == 200
    for name in ("cert", "key"):
        shutil.copyfile(folder / "new" / name, folder / name)
    server.tell(signal.SIGHUP)
    with trio.fail_after(PATIENCE):
        while True:
            try:
                assert await shown(port, new) == der(new)
                break
            except trio.BrokenResourceError:
                await trio.sleep(0.05)
    assert (await web.get("/api/health"))[0] == 200
    await socket.send(frame(TEXT, b"this is not JSON"))
    assert await socket.closed() == 4400
    for client in (socket, web):
        await client.aclose()
    assert await trio.to_thread.run_sync(server.stop) == 0


@pytest.mark.slow
def test_a_certificate_that_is_not_there_stops_the_start(folder: Path) -> None:
    process = Process(folder, "serve", "--port", "0", name="server", env=environ(TLS_CERT="nothing.pem"))
    assert process.ended() == 1
    (line,) = process.err.read_text().splitlines()
    assert "tls_cert: nothing.pem cannot be read: No such file or directory" in line
