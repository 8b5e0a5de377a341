"""A command line in an empty folder, as somebody who has just installed it."""

import os
import shutil
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner, Result
from tests.cli.shell import Run

from chatcli.main import cli
from chatcore import open_chat
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


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database of `team`, made once."""
    place = tmp_path_factory.mktemp("furnished")

    async def furnish() -> None:
        async with open_chat(f"sqlite:///{place}/chat.db") as chat:
            ada = await chat.users.create(email="ada@example.org", display_name="Ada", password="correct horse")
            await chat.workspaces.create(name="The Team", slug="team", owner=ada, general=True)

    trio.run(furnish)
    return place


@pytest.fixture
def team(run: Run, folder: Path, furnished: Path) -> Run:
    """As `run`, with a database that holds the workspace `team` of ada@example.org (password: `correct horse`)."""
    shutil.copytree(furnished, folder, dirs_exist_ok=True)
    return run
