"""A command line in an empty folder, as somebody who has just installed it."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli.shell import Run

from chatcli.main import cli
from chatcore.config import FIELDS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory and the home of the caller; no setting comes from outside."""
    home = tmp_path / "home"
    home.mkdir()
    work = tmp_path / "work"
    work.mkdir()
    for name in [name for name in os.environ if name.startswith(("CHATCORE_", "XDG_"))]:
        monkeypatch.delenv(name)
    for field in FIELDS.values():
        monkeypatch.delenv(field.metadata["env"], raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs `chatcore ARGS` in this process; standard input is no terminal."""

    def invoke(*args: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(args), input=input, prog_name="chatcore")

    return invoke


@pytest.fixture
def team(run: Run) -> Run:
    """As `run`, with a database that holds the workspace `team` of ada@example.org (password: `correct horse`)."""
    for args, typed in (
        (("migrate", "up"), None),
        (("user", "create", "ada@example.org", "--name", "Ada", "--password-stdin"), "correct horse\n"),
        (("workspace", "create", "team", "--name", "The Team", "--owner", "ada@example.org"), None),
    ):
        done = run(*args, input=typed)
        assert done.exit_code == 0, done.stderr
    return run
