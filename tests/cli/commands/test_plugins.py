"""`chatcore plugins`."""

import json
from pathlib import Path

import pytest
from tests.cli.shell import Run, said

NOSPAM = """
from chatcore.hooks import Reject, hookimpl

@hookimpl(guard=True)
async def message_will_send(draft):
    if "spam" in draft.content:
        raise Reject("spam", "No spam, please.")
"""


def test_list_shows_what_each_plugin_is_for(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert rows["chat_storage_sqlite"]["provides"] == ["storage:sqlite", "migrator:sqlite"]
    assert rows["chat_presence"]["kinds"] == ["register"]
    assert {row["state"] for row in rows.values()} == {"on"}
    assert all(row["version"] for row in rows.values())


def test_list_shows_what_the_settings_add_and_switch_off(run: Run, folder: Path) -> None:
    (folder / "nospam.py").write_text(NOSPAM)
    (folder / "chat.toml").write_text('plugins = ["nospam.py"]\n[plugin.chat_presence]\nenabled = false\n')
    rows = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert rows["nospam"]["kinds"] == ["filter"]
    assert rows["nospam"]["hooks"] == ["message_will_send"]
    assert rows["chat_presence"]["state"] == "off"
    assert "off" in run("plugins", "list").stdout


def test_check_says_what_a_plugin_does(run: Run, folder: Path) -> None:
    (folder / "nospam.py").write_text(NOSPAM)
    done = run("plugins", "check", "nospam.py")
    assert done.exit_code == 0
    assert done.stdout == "message_will_send (filter)\nnospam is fine: 1 hooks, 0 providers.\n"
    assert run("plugins", "check", "./nospam.py").exit_code == 0
    assert "provides storage:sqlite" in run("plugins", "check", "chat_storage_sqlite").stdout
    assert json.loads(run("plugins", "check", "nospam.py", "--json").stdout)["hooks"] == ["message_will_send"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("message_will_send", "message_wil_send"), "did you mean 'message_will_send'?"),
        (("(draft)", "(drafft)"), "{'drafft'} are declared in the hookimpl but can not be found"),
        (("raise Reject", "yield Reject"), "must not be a generator"),
        (("import Reject", "import Regect"), "cannot be loaded: ImportError"),
        (("async def", "async deff"), "cannot be loaded: SyntaxError"),
    ],
)
def test_check_finds_what_is_wrong(run: Run, folder: Path, change: tuple[str, str], expected: str) -> None:
    (folder / "nospam.py").write_text(NOSPAM.replace(*change))
    done = run("plugins", "check", "nospam.py")
    assert expected in said(done)
    assert done.exit_code == 1


def test_check_of_what_is_not_there(run: Run, folder: Path) -> None:
    assert "there is no file nowhere.py" in said(run("plugins", "check", "nowhere.py"))
    assert "there is no plugin 'nowhere'" in said(run("plugins", "check", "nowhere"))
    (folder / "chat.toml").write_text("[plugin.chat_presence]\nenabled = false\n")
    assert "switched off" in said(run("plugins", "check", "chat_presence"))
