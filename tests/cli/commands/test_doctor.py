"""`chatcore doctor`: every kind of trouble is found, and the advice says what to do."""

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.shell import Run

from chatcli.health import machine


@pytest.fixture
def port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def findings(run: Run, *args: str) -> dict[str, dict[str, str | None]]:
    """Check -> its last finding."""
    return {found["check"]: found for found in json.loads(run("doctor", "--json", *args).stdout)}


def states(run: Run, *args: str) -> dict[str, str | None]:
    return {check: found["state"] for check, found in findings(run, *args).items()}


def test_all_is_well(team: Run) -> None:
    done = team("doctor", "--port", "1")
    assert set(states(team)) >= {"python", "sqlite", "settings", "plugins", "database", "integrity", "disk", "secret"}
    found = states(team)
    found.pop("port")
    assert set(found.values()) == {"ok"}
    assert done.stdout.splitlines()[0].split()[:2] == ["ok", "python"]


def test_it_changes_nothing(run: Run, folder: Path) -> None:
    done = run("doctor")
    assert list(folder.iterdir()) == []
    assert done.exit_code == 0
    assert states(run)["database"] == "warn"


def test_bad_setting(run: Run, folder: Path) -> None:
    (folder / "chat.toml").write_text("log_level = 3\n")
    done = run("doctor")
    assert done.exit_code == 1
    assert "fail  settings   chat.toml, line 1: log_level: must be text" in done.stdout


def test_old_schema(team: Run) -> None:
    with closing(sqlite3.connect("chat.db")) as raw:
        raw.execute("INSERT INTO schema_migrations (version, name, applied_at) VALUES (99, 'from_the_future', 0)")
        raw.commit()
    done = team("doctor")
    assert done.exit_code == 1
    assert states(team)["database"] == "fail"


def test_damaged_database(team: Run, folder: Path) -> None:
    path = folder / "chat.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        (size,) = raw.execute("PRAGMA page_size").fetchone()
        (root,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'users'").fetchone()
    data = bytearray(path.read_bytes())
    data[(root - 1) * size + 8 : root * size] = b"\xff" * (size - 8)
    path.write_bytes(data)
    done = team("doctor")
    assert done.exit_code == 1
    assert findings(team)["integrity"]["advice"] == "stop the server and restore a backup: `chatcore restore`"


def test_secret_that_others_can_read(team: Run, folder: Path) -> None:
    (folder / "chatcore.secret").chmod(0o644)
    found = findings(team)["secret"]
    assert found["state"] == "fail"
    assert found["advice"] is not None
    assert found["advice"].startswith("chmod 600 chatcore.secret")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CHATCORE_SECRET", "short", "CHATCORE_SECRET is too short"),
        ("CHATCORE_SECRET_FILE", "nowhere", "there is no file nowhere"),
        ("CHATCORE_SECRET_FILE", "empty", "empty is too short"),
    ],
)
def test_secret_from_the_environment(
    team: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    (folder / "empty").touch(mode=0o600)
    monkeypatch.setenv(variable, value)
    found = findings(team)["secret"]
    assert (found["state"], found["said"]) == ("fail", said)


def test_broken_plugin(team: Run, folder: Path) -> None:
    (folder / "broken.py").write_text("raise RuntimeError('no')\n")
    (folder / "chat.toml").write_text('plugins = ["broken.py"]\n')
    assert states(team)["plugins"] == "fail"


def test_taken_port_is_a_warning(team: Run, port: int) -> None:
    done = team("doctor", "--port", str(port))
    assert done.exit_code == 0
    assert f"warn  port       127.0.0.1:{port} is taken" in done.stdout
    assert states(team, "--host", "192.0.2.1")["port"] == "fail"


def test_clock_before_what_was_written(team: Run, folder: Path) -> None:
    future = 4_000_000_000
    os.utime(folder / "chat.db", (future, future))
    assert states(team)["clock"] == "fail"


@pytest.mark.parametrize(("free", "state"), [(10, "fail"), (500 * 1024**2, "warn"), (2 * 1024**3, "ok")])
def test_disk(team: Run, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": free}))
    assert states(team)["disk"] == state


def test_folder_that_cannot_be_written(team: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    assert states(team)["folder"] == "fail"


def test_old_python_and_old_sqlite(team: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PYTHON", (9, 9))
    monkeypatch.setattr(machine, "SQLITE", (9, 9, 9))
    found = states(team)
    assert (found["python"], found["sqlite"]) == ("fail", "fail")


def test_a_server_that_is_not_there(team: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    found = findings(team, "--url", address)["server"]
    assert found["state"] == "fail"
    assert found["said"] is not None
    assert "cannot be reached" in found["said"]


def test_the_password_of_a_database_is_not_shown(run: Run) -> None:
    done = run("doctor", "--database-url", "postgresql://chat:hunter2@db.example.org/chat")
    assert "hunter2" not in done.stdout
    assert "postgresql://chat@db.example.org/chat" in done.stdout
    assert done.exit_code == 1
