"""A real coturn on a free port of this machine, for as long as a test runs."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

PATIENCE = 30.0


@attrs.frozen
class Coturn:
    """`log` is what it says."""

    port: int
    secret: str
    log: Path

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.port}"


@contextmanager
def running_coturn(*, secret: str = "north", denied: Iterable[str] = ()) -> Iterator[Coturn]:
    """Run it. `denied`: addresses, or ranges of them, to which it does not relay."""
    program = shutil.which("turnserver")
    assert program, "coturn is missing: apt-get install coturn"
    with tempfile.TemporaryDirectory(prefix="coturn") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        log = Path(folder) / "log"
        peers = [f"--denied-peer-ip={each}" for each in denied]
        command = [
            program,
            "-n",
            f"--listening-port={port}",
            "--listening-ip=127.0.0.1",
            "--relay-ip=127.0.0.1",
            "--use-auth-secret",
            f"--static-auth-secret={secret}",
            "--realm=example.org",
            "--no-tls",
            "--no-dtls",
            "--no-cli",
            f"--log-file={log}",
            "--simple-log",
            f"--pidfile={folder}/pid",
            f"--userdb={folder}/db",
            "--allow-loopback-peers",
            *peers,
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _wait(process, port)
                yield Coturn(port, secret, log)
            finally:
                process.terminate()
                try:
                    process.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    """Until it listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, "coturn ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("coturn does not listen")
