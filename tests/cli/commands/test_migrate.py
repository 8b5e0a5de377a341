"""`chatcore migrate`."""

import json
from pathlib import Path

from tests.cli.shell import Run, said


def applied(run: Run) -> list[bool]:
    return [line["applied"] for line in json.loads(run("migrate", "status", "--json").stdout)]


def test_up_status_and_down(run: Run, folder: Path) -> None:
    assert not any(applied(run))
    assert not (folder / "chat.db").exists()
    assert run("migrate", "up").stdout.startswith("Applied 0001")
    assert all(applied(run))
    assert run("migrate", "up").stdout == "Nothing to do: the schema is up to date.\n"
    assert run("migrate", "down", "--to", "0", "--yes").stdout.startswith("Undid ")
    assert not any(applied(run))


def test_down_undoes_one_step_unless_told_otherwise(run: Run) -> None:
    run("migrate", "up")
    before = applied(run)
    assert run("migrate", "down", "--yes").exit_code == 0
    assert applied(run) == [*before[:-1], False]


def test_down_asks_first(team: Run) -> None:
    refused = team("migrate", "down", "--to", "0", input="n\n")
    assert refused.exit_code == 130
    assert "Is there a backup" in refused.stderr
    assert all(applied(team))
    assert team("migrate", "down", "--to", "0", input="y\n").exit_code == 0
    assert not any(applied(team))


def test_other_databases_need_their_plugin(run: Run) -> None:
    line = said(run("migrate", "up", "--database-url", "nosuchbase://somewhere"))
    assert line.startswith("chatcore: database_url: no installed plugin provides the migrator for nosuchbase:")


def test_a_file_that_is_no_database(run: Run, folder: Path) -> None:
    (folder / "chat.db").write_text("not a database, but long enough to look like one" * 100)
    assert "chat.db" in said(run("migrate", "status"))
    assert "chat.db" in said(run("user", "list"))
