"""Several processes on one port: small ones, that do as they are told."""

import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trio
from tests.chatserver.net.waiting import until

from chatserver import supervisor
from chatserver.net import binding
from chatserver.supervisor import Supervisor

WORKER = """
import os, signal, socket, sys, threading
folder, behaviour = sys.argv[1:3]
number, _, sockets = sys.argv[-1].partition(":")
pid = str(os.getpid())
open(f"{folder}/{number}.{pid}", "w").close()
if behaviour == "fails":
    sys.exit(7)
def stop(*_):
    open(f"{folder}/stopped.{pid}", "w").close()
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, signal.SIG_DFL)
if behaviour == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket(fileno=int(sockets))
listener.setblocking(True)
print("Chatcore is ready on", listener.getsockname(), flush=True)
def orphaned():
    if not sys.stdin.buffer.read(1):
        stop()
threading.Thread(target=orphaned, daemon=True).start()
while True:
    connection, _ = listener.accept()
    connection.sendall(number.encode())
    connection.close()
"""


async def make(folder: Path, behaviour: str = "works", *, count: int = 2) -> tuple[Supervisor, list[socket.socket]]:
    listeners = await binding.bind("127.0.0.1", 0)
    command = [sys.executable, "-c", WORKER, str(folder), behaviour]
    return Supervisor(command, count, [each.fileno() for each in listeners], grace=0.2), listeners


def pids(folder: Path, number: int) -> list[int]:
    """The processes that this worker has been, the newest last."""
    files = sorted(folder.glob(f"{number}.*"), key=lambda file: file.stat().st_mtime_ns)
    return [int(file.suffix[1:]) for file in files]


async def ask(listener: socket.socket) -> bytes:
    async with await trio.open_tcp_stream(*listener.getsockname()) as stream:
        with trio.fail_after(10):
            return await stream.receive_some(10)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def run(boss: Supervisor, body: Callable[[], Awaitable[None]]) -> int:
    """The exit status of a supervisor, beside which `body` runs once everybody is ready."""
    status: list[int] = []
    async with trio.open_nursery() as nursery:

        async def keep() -> None:
            status.append(await boss.run())

        nursery.start_soon(keep)
        with trio.fail_after(20):
            await boss.ready.wait()
        await body()
        os.kill(os.getpid(), signal.SIGTERM)
    return status[0]


async def test_workers_share_the_port_and_stop_when_told(tmp_path: Path) -> None:
    boss, (listener,) = await make(tmp_path)

    async def body() -> None:
        assert len(pids(tmp_path, 1)) == len(pids(tmp_path, 2)) == 1
        assert {await ask(listener) for _ in range(20)} <= {b"1", b"2"}

    assert await run(boss, body) == 0
    assert len(list(tmp_path.glob("stopped.*"))) == 2
    listener.close()


async def test_a_worker_that_dies_is_started_again_after_a_growing_delay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.05)
    boss, (listener,) = await make(tmp_path)

    async def body() -> None:
        (other,) = pids(tmp_path, 2)
        for times in (1, 2):
            dying = pids(tmp_path, 1)[-1]
            os.kill(dying, signal.SIGKILL)
            await until(lambda dying=dying: is_gone(dying))
            assert await ask(listener) in (b"1", b"2")  # nobody is turned away meanwhile
            await until(lambda times=times: len(pids(tmp_path, 1)) == times + 1)
        assert pids(tmp_path, 2) == [other]

    assert await run(boss, body) == 0
    said = [record.getMessage() for record in caplog.records if record.name == "chatserver.supervisor"]
    assert said == [
        "worker 1 ended with status -9; it is started again in 0.05 s",
        "worker 1 ended with status -9; it is started again in 0.1 s",
    ]
    listener.close()


async def test_a_worker_that_does_not_come_up_ends_the_start(tmp_path: Path) -> None:
    boss, (listener,) = await make(tmp_path, "fails", count=3)
    with trio.fail_after(20):
        assert await boss.run() == 7
    assert not boss.ready.is_set()
    assert len(pids(tmp_path, 1)) == 1
    assert not pids(tmp_path, 2), "the first one comes up alone"
    listener.close()


async def test_a_worker_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "EXTRA_SECONDS", 0.2)
    boss, (listener,) = await make(tmp_path, "stays", count=1)

    async def body() -> None:
        pass

    assert await run(boss, body) == signal.SIGKILL
    listener.close()


async def test_workers_stop_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    program = f"""
import sys, trio
from chatserver.net import binding
from chatserver.supervisor import Supervisor
async def main():
    (listener,) = await binding.bind("127.0.0.1", 0)
    await Supervisor([sys.executable, "-c", {WORKER!r}, {str(tmp_path)!r}, "works"], 2, [listener.fileno()], 1).run()
trio.run(main)
"""
    async with trio.open_nursery() as nursery:
        boss = await nursery.start(partial(trio.run_process, [sys.executable, "-c", program], check=False))
        await until(lambda: bool(pids(tmp_path, 1) and pids(tmp_path, 2)))
        await trio.sleep(0.3)
        boss.kill()
        await until(lambda: all(is_gone(pid) for number in (1, 2) for pid in pids(tmp_path, number)))
        nursery.cancel_scope.cancel()
