"""What the documents show is run: every Python block alone, the shell blocks of a page one after the other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_BLOCK = re.MULTILINE | re.DOTALL
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
SHELL_PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "tutorial.md",
    ROOT / "docs" / "tutorial-bot.md",
    ROOT / "docs" / "first-plugin.md",
    ROOT / "docs" / "how-to" / "back-up.md",
]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), _BLOCK)


PROGRAMS = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"), 1)
]


def environment(home: Path) -> dict[str, str]:
    """That of somebody who has just installed it: nothing is set, and the commands are on the path."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CHATCORE_", "XDG_"))}
    return {**environ, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}


@pytest.mark.parametrize("code", PROGRAMS)
def test_python(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(tmp_path), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_program_on_the_front_page_says_hello(tmp_path: Path) -> None:
    (code,) = blocks(ROOT / "README.md", "python")
    for url in ("memory:", "sqlite:///team.db"):
        done = subprocess.run(
            [sys.executable, "-c", code.replace("memory:", url)],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            timeout=60,
        )
        assert done.stdout == b"Hello, world\n", done.stderr.decode()
    assert (tmp_path / "team.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", SHELL_PAGES, ids=lambda page: page.name)
def test_shell(page: Path, tmp_path: Path, unused_port: int) -> None:
    """The page's commands in one shell, on another port than the one that it names; a failing one ends it."""
    for name, code in re.findall(
        r"^Save this as `([\w.]+)`:\n\n```py(?:thon)?\n(.*?)^```", page.read_text("utf-8"), _BLOCK
    ):
        (tmp_path / name).write_text(code)
    script = "\n".join(blocks(page, "sh"))
    script = script.replace("chatcore serve &", f"chatcore serve --port {unused_port} > ready & {WAIT}")
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{unused_port}")
    script = script.replace("chatcore doctor", f"chatcore doctor --url http://127.0.0.1:{unused_port}")
    done = subprocess.run(
        # A job of its own: what the page leaves running ends with its shell.
        ["bash", "-euo", "pipefail", "-c", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -m\n{script}"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


WAIT = "for _ in $(seq 100); do grep -q ready ready && break; sleep 0.1; done"


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
