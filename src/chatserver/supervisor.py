"""Several server processes on one port, and the process that looks after them.

The supervisor owns the listening sockets and every worker inherits them, so that no connection is lost while one is
down. It does nothing else: no chat, no database. A worker that ends is started again after a growing delay. Workers
hold one end of a pipe from the supervisor as their stdin, and stop when it is gone, whatever ended it.
"""

import logging
import signal
import subprocess
from collections.abc import Sequence

import attrs
import trio

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
STEADY_SECONDS = 60.0
"""A worker that ran for so long is well again: the delay starts over."""
EXTRA_SECONDS = 5.0
"""How long after its grace a worker is killed."""
READY = b"Chatcore is ready on "
"""What the line begins with by which a worker says that it takes connections."""

_AS_TOLD = (0, -signal.SIGTERM, -signal.SIGINT)
"""How a worker ends that was told to; by the signal itself while it is still coming up."""

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Worker:
    """One of several processes on one port: its number, from 1, and the listening sockets that it inherited."""

    number: int
    sockets: tuple[int, ...]


@attrs.define(eq=False)
class Supervisor:
    """`command` starts a worker, which is given its number and its sockets by `--worker NUMBER:FD,FD`."""

    command: Sequence[str]
    count: int
    sockets: Sequence[int]
    grace: float
    renews: bool = False
    """Whether workers take up their certificate again at SIGHUP."""
    failed: int = 0
    """The exit status of a worker that did not come up at the start, or did not stop as it should."""
    ready: trio.Event = attrs.field(factory=trio.Event)
    _stopping: trio.Event = attrs.field(factory=trio.Event)
    _running: dict[int, trio.Process] = attrs.field(factory=dict)

    async def run(self) -> int:
        """Keep the workers running until SIGTERM or SIGINT; the exit status. `ready` is set when all of them are.

        The first one comes up alone: it may have to furnish a new database.
        """
        async with trio.open_nursery() as watching:
            await watching.start(self._pass_signals_on)
            async with trio.open_nursery() as nursery:
                for number in range(1, self.count + 1):
                    if not self._stopping.is_set():
                        await nursery.start(self._keep, number)
                if not self._stopping.is_set():
                    self.ready.set()
            watching.cancel_scope.cancel()
        return self.failed

    async def _pass_signals_on(self, task_status: trio.TaskStatus[None]) -> None:
        wanted = (signal.SIGTERM, signal.SIGINT, *((signal.SIGHUP,) if self.renews else ()))
        with trio.open_signal_receiver(*wanted) as signals:
            task_status.started()
            async for number in signals:
                if number != signal.SIGHUP:
                    self._stopping.set()
                self._tell(number)

    def _tell(self, number: int) -> None:
        for process in self._running.values():
            process.send_signal(number)

    async def _keep(self, number: int, task_status: trio.TaskStatus[None]) -> None:
        """One worker, again and again. Started: it is ready, or will not be."""
        delay, ready = FIRST_DELAY, False
        while not self._stopping.is_set():
            began = trio.current_time()
            async with trio.open_nursery() as nursery:
                process = await self._spawn(number)
                if await _says_ready(process) and not ready:
                    ready = True
                    task_status.started()
                nursery.start_soon(_read_on, process)
                code = await self._ended(process)
                nursery.cancel_scope.cancel()
            if self._stopping.is_set():
                if code not in _AS_TOLD:
                    self.failed = abs(code)
                break
            if not ready:
                # It has said why on stderr; the next attempt would say the same.
                self.failed = abs(code) or 1
                self._stopping.set()
                self._tell(signal.SIGTERM)
                break
            if trio.current_time() - began >= STEADY_SECONDS:
                delay = FIRST_DELAY
            log.error("worker %d ended with status %d; it is started again in %g s", number, code, delay)
            with trio.move_on_after(delay):
                await self._stopping.wait()
            delay = min(2 * delay, LONGEST_DELAY)
        if not ready:
            task_status.started()

    async def _spawn(self, number: int) -> trio.Process:
        inherited = f"{number}:{','.join(map(str, self.sockets))}"
        process = await trio.lowlevel.open_process(
            [*self.command, "--worker", inherited],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self.sockets,
            # A Ctrl-C is for us to pass on, once.
            process_group=0,
        )
        self._running[number] = process
        if self._stopping.is_set():
            process.terminate()
        return process

    async def _ended(self, process: trio.Process) -> int:
        """The exit status, once it has ended; it is killed if it does not stop when it has to."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._kill_if_it_stays, process)
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()
            nursery.cancel_scope.cancel()
        return code

    async def _kill_if_it_stays(self, process: trio.Process) -> None:
        await self._stopping.wait()
        await trio.sleep(self.grace + EXTRA_SECONDS)
        log.error("process %d does not stop: it is killed", process.pid)
        process.kill()


async def _says_ready(process: trio.Process) -> bool:
    assert process.stdout is not None
    said = b""
    while b"\n" not in said:
        piece = await process.stdout.receive_some()
        if not piece:
            return False
        said += piece
    return said.startswith(READY)


async def _read_on(process: trio.Process) -> None:
    """Whatever a worker may still print, which is nothing that we know of, it must not have to wait."""
    assert process.stdout is not None
    async for _ in process.stdout:
        pass


async def until_orphaned() -> None:
    """In a worker: until the supervisor is gone, which holds the other end of our stdin."""
    async with trio.lowlevel.FdStream(0) as stdin:
        while await stdin.receive_some(1024):
            pass
