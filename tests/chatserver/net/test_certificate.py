"""TLS from files, and their renewal under open connections."""

import os
import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
from tests.chatserver.net.authority import der, make_certificate
from tests.chatserver.net.client import Client
from tests.chatserver.net.waiting import until

from chatcore import Config
from chatcore.errors import ConfigError
from chatserver.net import certificate as module
from chatserver.net.certificate import Certificate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two certificates with their keys."""
    folder = tmp_path_factory.mktemp("certificates")
    return make_certificate(folder / "old"), make_certificate(folder / "new")


@pytest.fixture
def files(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A folder with the files that a server uses, at first the old ones."""
    put(made[0], tmp_path)
    return tmp_path


def put(source: Path, folder: Path, *names: str) -> None:
    """As those who renew do it: written beside, then moved."""
    for name in names or ("cert", "key", "both"):
        shutil.copyfile(source / name, folder / "beside")
        os.replace(folder / "beside", folder / name)


async def dial(port: int, cert: Path) -> Any:
    context = ssl.create_default_context(cafile=cert)
    context.set_alpn_protocols(["http/1.1"])
    tcp = await trio.open_tcp_stream("127.0.0.1", port)
    stream = trio.SSLStream(tcp, context, server_hostname="127.0.0.1", https_compatible=True)
    await stream.do_handshake()
    return stream


async def shown(port: int, trusted: Path) -> bytes:
    """The certificate that a new client is shown, which must be good in its eyes."""
    stream = await dial(port, trusted)
    found: bytes = stream.getpeercert(binary_form=True)
    await trio.aclose_forcefully(stream)
    return found


async def test_new_connections_get_the_new_one_and_open_ones_stay(
    make_server: Any, made: tuple[Path, Path], files: Path
) -> None:
    old, new = (each / "cert" for each in made)
    certificate = Certificate(files / "cert", files / "key")
    async with make_server(tls=certificate) as server:
        team = server.team
        headers = (f"Authorization: Bearer {await team.token(team.ada)}",)
        ada = await Client.connect(server.port, stream=await dial(server.port, old), headers=headers)
        assert (await ada.ask("join_workspace", workspaceId=team.workspace.id))["ok"]
        web = Client(await dial(server.port, old))
        put(made[1], files)
        assert await certificate.renew()
        assert await shown(server.port, new) == der(new)
        with pytest.raises(trio.BrokenResourceError):
            await shown(server.port, old)
        await team.chat.messages.send(team.general, author=team.bob, content="still here")
        assert (await ada.hear("message_received"))["data"]["message"]["content"] == "still here"
        assert (await web.get("/"))[0] == 200
        for client in (ada, web):
            await client.aclose()


async def test_a_change_of_the_files_is_noticed(
    make_server: Any, made: tuple[Path, Path], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.02)
    old, new = (each / "cert" for each in made)
    async with make_server(tls=Certificate(files / "both")) as server:
        assert await shown(server.port, old) == der(old)
        put(made[1], files)
        with trio.fail_after(10):
            while True:
                try:
                    assert await shown(server.port, new) == der(new)
                    return
                except trio.BrokenResourceError:
                    await trio.sleep(0.02)


async def test_half_a_renewal_changes_nothing_and_the_other_half_completes_it(
    made: tuple[Path, Path], files: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_SECONDS", 0.02)
    certificate = Certificate(files / "cert", files / "key")
    before = certificate.context
    put(made[1], files, "cert")
    assert not await certificate.renew()
    assert certificate.context is before
    assert "the old one stays" in caplog.text
    (files / "key").unlink()
    assert not await certificate.renew()
    assert certificate.context is before
    async with trio.open_nursery() as nursery:
        nursery.start_soon(certificate.watch)
        put(made[1], files, "key")
        await until(lambda: certificate.context is not before)
        nursery.cancel_scope.cancel()


async def test_what_is_no_certificate_is_said_with_its_setting(made: tuple[Path, Path], files: Path) -> None:
    assert Certificate.of(Config()) is None
    with pytest.raises(ConfigError, match=r"^tls_key: there is no tls_cert"):
        Certificate.of(Config(tls_key=str(files / "key")))
    with pytest.raises(ConfigError, match=r"^tls_cert: .*nothing cannot be read: No such file"):
        Certificate(files / "nothing")
    with pytest.raises(ConfigError, match=r"^tls_key: .*nothing cannot be read: No such file"):
        Certificate(files / "cert", files / "nothing")
    put(made[1], files, "key")
    with pytest.raises(
        ConfigError, match=r"^tls_cert: .* are not a certificate and its unencrypted key in PEM: key val"
    ):
        Certificate(files / "cert", files / "key")
    (files / "cert").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"^tls_cert: "):
        Certificate(files / "cert")


async def test_an_encrypted_key_is_refused_instead_of_asked_for(files: Path) -> None:
    await trio.run_process(
        ["openssl", "rsa", "-aes128", "-passout", "pass:x", "-in", files / "key", "-out", files / "locked"],
        capture_stderr=True,
    )
    with pytest.raises(ConfigError, match=r"unencrypted key"):
        Certificate(files / "cert", files / "locked")
