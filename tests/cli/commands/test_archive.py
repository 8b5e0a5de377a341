"""`chatcore export` and `import`."""

from pathlib import Path

from tests.cli.shell import Run, said


def test_out_and_in_again(team: Run, folder: Path) -> None:
    done = team("export", "team.jsonl")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("tables to team.jsonl.\n")
    assert team("import", "team.jsonl", "--database-url", "sqlite:///new.db").stdout.startswith("Imported ")
    listed = team("user", "list", "--database-url", "sqlite:///new.db").stdout
    assert "ada@example.org" in listed
    assert listed == team("user", "list").stdout


def test_what_is_there_is_not_replaced_unless_told(team: Run, folder: Path) -> None:
    (folder / "team.jsonl").write_text("precious")
    assert "replace it with --force" in said(team("export", "team.jsonl"))
    assert team("export", "team.jsonl", "--force").exit_code == 0
    assert "There is a database chat.db already" in said(team("import", "team.jsonl"))


def test_files_that_are_not_right(team: Run, folder: Path) -> None:
    (folder / "a").mkdir()
    assert "there is no folder no" in said(team("export", "no/a.jsonl"))
    assert "a is a folder" in said(team("export", "a"))
    new = ("--database-url", "sqlite:///new.db")
    assert "cannot be read: No such file" in said(team("import", "b.jsonl", *new))
    (folder / "b.jsonl").write_text("hello")
    assert "no whole archive" in said(team("import", "b.jsonl", *new))
    assert not (folder / "new.db").exists()


def test_without_a_database(run: Run) -> None:
    assert "there is no database chat.db" in said(run("export", "a.jsonl"))
