"""Real processes of the command line, with their output in files that a test can look into while they run."""

import re
import signal
import subprocess
import time
from pathlib import Path

from tests.cli.shell import CHATCORE

PATIENCE = 30.0
"""Seconds that anything may take on a busy machine."""
READY = re.compile(r"^Chatcore is ready on (https?://\S+)$", re.MULTILINE)


class Process:
    """`chatcore ARGS`, running."""

    def __init__(self, folder: Path, *args: str, name: str, env: dict[str, str]) -> None:
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._process = subprocess.Popen(
                [CHATCORE, *args], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def wait_for(self, pattern: str, *, stream: str = "out", times: int = 1) -> re.Match[str]:
        """The match of a pattern in what was printed, once it is there so many times."""
        file = self.err if stream == "err" else self.out
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = list(re.finditer(pattern, file.read_text(), re.MULTILINE))
            if len(found) >= times:
                return found[times - 1]
            assert self._process.poll() is None, f"it ended with {self._process.returncode}: {self.said()}"
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} was not printed in {PATIENCE} s: {self.said()}")

    def said(self) -> str:
        return f"{self.out.read_text()}\n---\n{self.err.read_text()}"

    def tell(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and give its exit status."""
        self._process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """The exit status, once it has ended by itself."""
        return self._process.wait(PATIENCE)

    def clear(self) -> None:
        """Whatever becomes of the test, leave no process."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
