"""The root of the command: every error is one line and an exit status."""

import os
import re
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import trio
from click.testing import CliRunner, Result
from tests.cli.shell import CHATCORE, Run, said

from chatcli.main import COMMANDS, Root, cli
from chatcli.settings import OWN_VARIABLES
from chatcore.config import FIELDS
from chatcore.errors import ConfigError, NotFound


def every_command() -> list[tuple[str, ...]]:
    """The path of each command and group."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, each) for each in command.commands]
    return found


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(run: Run, path: tuple[str, ...]) -> None:
    done = run(*path, "--help")
    assert done.exit_code == 0
    command = cli.get_command(click.Context(cli), path[0])
    for name in path[1:]:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    assert command is not None
    if not isinstance(command, click.Group):
        assert "Example" in done.stdout
        assert f"chatcore {' '.join(path)}" in done.stdout
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.opts[0]} has no help"


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_what_groups_say_of_their_commands_fits_on_a_line(run: Run, path: tuple[str, ...]) -> None:
    done = run(*path[:-1], "--help")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"  {path[-1]} ")]
    assert not line.endswith("..."), "give it a short_help"


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"chatcore {version('chatcore')}\n"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("frobnicate",), "chatcore: No such command 'frobnicate'. Try `chatcore --help`."),
        (("user", "create"), "chatcore user create: Missing argument 'EMAIL'. Try `chatcore user create --help`."),
        (("serve", "--port", "70000"), "chatcore serve: Invalid value for '--port'"),
        (("user", "list", "--frobnicate"), "chatcore user list: No such option"),
        (("send",), "chatcore send: Missing argument 'CHANNEL'."),
        (("tail", "--since", "yesterday"), "chatcore tail: Invalid value for '--since': 'yesterday' is neither"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(run: Run, args: tuple[str, ...], expected: str) -> None:
    done = run(*args)
    assert said(done).startswith(expected)
    assert done.exit_code == 2


def raised(error: BaseException, *args: str) -> Result:
    """What a command that raises this leaves behind."""
    root = Root("chatcore", homes={}, params=list(cli.params), callback=lambda debug: None)

    @click.command()
    def broken() -> None:
        raise error

    root.get_command = lambda ctx, name: broken  # type: ignore[method-assign]
    return CliRunner().invoke(root, [*args, "broken"], prog_name="chatcore")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NotFound.of("user"), "chatcore: There is no such user, or you may not see it."),
        (ConfigError("DATABASE_URL:\n  wrong"), "chatcore: DATABASE_URL: wrong"),
        (ExceptionGroup("g", [ExceptionGroup("h", [NotFound("gone")])]), "chatcore: gone"),
        (PermissionError(13, "Permission denied", "chat.toml"), "chatcore: chat.toml: Permission denied"),
    ],
)
def test_foreseen_errors_say_what_to_do(error: Exception, line: str) -> None:
    done = raised(error)
    assert said(done) == line
    assert done.exit_code == 1


def test_unforeseen_error_is_one_line_that_names_the_way_to_see_more() -> None:
    done = raised(ExceptionGroup("g", [ValueError("x\ny")]))
    assert said(done).startswith("chatcore: ValueError: x y (a fault in Chatcore; `chatcore --debug …`")
    assert done.exit_code == 1


def test_debug_shows_the_error_as_it_is() -> None:
    done = raised(ValueError("x"), "--debug")
    assert isinstance(done.exception, ValueError)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BaseExceptionGroup("g", [KeyboardInterrupt()])])
def test_interrupt_is_quiet_and_130(error: BaseException) -> None:
    done = raised(error)
    assert said(done) == "interrupted"
    assert done.exit_code == 130


def test_unknown_setting_stops_with_one_line_that_names_it(run: Run, folder: Path) -> None:
    (folder / "chat.toml").write_text('databse_url = "sqlite:///x.db"\n')
    line = said(run("user", "list"))
    assert line == "chatcore: chat.toml, line 1: databse_url: unknown setting; did you mean database_url?"


def test_flags_win_over_environment_over_file(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "chat.toml").write_text('database_url = "sqlite:///file.db"\n')
    assert "file.db" in said(run("user", "list"))
    monkeypatch.setenv("DATABASE_URL", "sqlite:///environment.db")
    assert "environment.db" in said(run("user", "list"))
    assert "flag.db" in said(run("user", "list", "--database-url", "sqlite:///flag.db"))
    (folder / "other.toml").write_text('log_level = "loud"\n')
    assert said(run("user", "list", "--config", "other.toml")).startswith("chatcore: other.toml, line 1: log_level")


def test_unknown_variable_of_ours_stops_the_start(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATCORE_URL", "http://localhost:1")
    monkeypatch.setenv("CHATCORE_TOKENN", "x")
    assert "CHATCORE_TOKENN" in said(run("user", "list"))


def test_no_command_makes_a_database_in_passing(run: Run, folder: Path) -> None:
    line = said(run("workspace", "list"))
    assert (
        line
        == "chatcore: there is no database chat.db: name it with --database-url, or make it with `chatcore migrate up`"
    )
    assert list(folder.iterdir()) == []


async def test_a_reader_that_has_enough_is_no_error(folder: Path) -> None:
    """As `chatcore doctor | head -0` is."""
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "wb") as out:
        done = await trio.run_process([CHATCORE, "plugins", "list"], stdout=out, capture_stderr=True, check=False)
    assert done.stderr == b""
    assert done.returncode == 1


def named_variables() -> set[str]:
    """Every variable of ours that the documents or the sources speak of."""
    root = Path(__file__).parents[2]
    pages = [
        root / "README.md",
        *(root / "docs").rglob("*.md"),
        *(root / "src").rglob("*.py"),
        *(root / "cli").rglob("*.py"),
    ]
    return set(re.findall(r"\bCHATCORE_[A-Z_]*[A-Z]\b", "\n".join(page.read_text("utf-8") for page in pages)))


def test_every_variable_that_is_spoken_of_may_be_set() -> None:
    """An unknown one stops a command, so what is read by something else has to be known to be that."""
    settings_of_a_server = {field.metadata["env"] for field in FIELDS.values()}
    inside = {"CHATCORE_CHECK_PLUGIN", "CHATCORE_CHECK_CONFIG"}  # from `plugins check` to the suites that it runs
    assert named_variables() == {*OWN_VARIABLES, *inside} | {
        name for name in settings_of_a_server if name.startswith("CHATCORE_")
    }


@pytest.mark.parametrize("name", OWN_VARIABLES)
def test_variables_of_others_are_in_nobodys_way(run: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    assert run("plugins", "list").exit_code == 0
