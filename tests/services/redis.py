"""A real Redis in a temporary folder, on a free port, for as long as the tests of one process run."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

PATIENCE = 10.0


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@attrs.define(eq=False)
class Redis:
    """A server process; it can be stopped and started again on its port."""

    folder: Path
    options: tuple[str, ...] = ()
    port: int = attrs.field(factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        server = shutil.which("redis-server")
        assert server, "redis-server is missing: apt-get install redis-server"
        command = [server, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log)
        wait_for_answer(self.port)

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def wait_for_answer(port: int) -> None:
    """Until something on this port says PONG, or asks for a password."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                if line.recv(100).startswith((b"+PONG", b"-NOAUTH")):
                    return
        except OSError:
            pass
        assert time.monotonic() < deadline, f"nothing answers on port {port}"
        time.sleep(0.02)


@contextmanager
def running_redis(*options: str) -> Iterator[Redis]:
    """A Redis of one's own, to be treated badly."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        redis = Redis(Path(folder), options)
        try:
            redis.start()
            yield redis
        finally:
            redis.stop()
