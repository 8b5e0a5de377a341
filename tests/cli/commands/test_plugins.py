"""`chatcore plugins`."""

import json
import shutil
import subprocess
import sys
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
    assert rows["chat_storage_sqlite"]["provides"][:2] == ["storage:sqlite", "migrator:sqlite"]
    assert rows["chat_presence"]["kinds"] == ["register"]
    assert {row["state"] for row in rows.values()} <= {"on", "available"}
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
    assert done.stdout == "message_will_send (filter)\nnospam is fine: 1 hook, 0 providers.\n"
    assert run("plugins", "check", "./nospam.py").exit_code == 0
    assert "provides storage:sqlite" in run("plugins", "check", "chat_storage_sqlite", "--no-contracts").stdout
    assert json.loads(run("plugins", "check", "nospam.py", "--json").stdout)["hooks"] == ["message_will_send"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("message_will_send", "message_wil_send"), "did you mean 'message_will_send'?"),
        (("(draft)", "(drafft)"), "there is no argument 'drafft'; did you mean 'draft'?"),
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


@pytest.mark.parametrize(
    ("plugin", "providers"), [("chat_bus_memory", "1 provider"), ("chat_auth_password", "2 providers")]
)
def test_check_runs_the_contract_suites(run: Run, plugin: str, providers: str) -> None:
    done = run("plugins", "check", plugin)
    assert done.exit_code == 0, done.stdout
    assert " passed" in done.stdout
    assert done.stdout.endswith(f"{plugin} is fine: 1 hook, {providers}.\n")


def test_check_uses_the_settings_of_the_plugin(run: Run, folder: Path) -> None:
    """One that keeps no secrets itself can be tried only as far as that goes."""
    shutil.copy(Path(__file__).parents[3] / "examples" / "directory_sign_in.py", folder)
    user_dn = "mail={email},dc=example,dc=org"
    (folder / "chat.toml").write_text(f'[plugin.directory_sign_in]\nserver = "127.0.0.1"\nuser_dn = "{user_dn}"\n')
    done = run("plugins", "check", "directory_sign_in.py")
    assert done.exit_code == 0, done.stdout
    assert " skipped" in done.stdout


BAD_BUS = """
from contextlib import asynccontextmanager, contextmanager
from chatcore.hooks import hookimpl
from chatcore.ports import Provider

class Deaf:
    @contextmanager
    def subscribe(self, listener):
        yield
    def publish(self, envelopes):
        pass
    async def health(self):
        return {"ok": True}

@asynccontextmanager
async def open_deaf(context):
    yield Deaf()

@hookimpl
def register_providers():
    return [Provider(kind="bus", name="deaf", factory=open_deaf, schemes=("deaf",))]
"""


def test_check_shows_a_promise_that_is_broken(run: Run, folder: Path) -> None:
    (folder / "deaf.py").write_text(BAD_BUS)
    done = run("plugins", "check", "deaf.py")
    assert done.exit_code == 1
    assert "test_own_subscribers_have_been_called_when_publish_returns" in done.stdout
    assert "deaf.py does not keep what its ports promise" in done.stderr


@pytest.mark.parametrize("package", [False, True])
def test_new_writes_a_plugin_whose_test_passes(run: Run, folder: Path, package: bool) -> None:
    made = run("plugins", "new", "no_spam", *(["--package"] if package else []))
    assert made.exit_code == 0, made.stderr
    assert "already" in said(run("plugins", "new", "no_spam", *(["--package"] if package else [])))
    root = folder / "no_spam" if package else folder
    plugin = root / "no_spam" / "__init__.py" if package else root / "no_spam.py"
    if package:
        # Installed it would be found by its entry point; here its test is told where it is.
        test = root / "tests" / "test_no_spam.py"
        test.write_text("import no_spam\n" + test.read_text().replace("plugins=[]", "plugins=[no_spam]"), "utf-8")
    if not package:
        assert run("plugins", "check", "no_spam.py").stdout.endswith("no_spam is fine: 1 hook, 0 providers.\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    typed = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), str(plugin)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert typed.returncode == 0, typed.stdout


def test_new_wants_a_name(run: Run) -> None:
    for name in ("No-Spam", "1st", "a b"):
        assert "a plugin's name is" in said(run("plugins", "new", name))


def test_disable_and_enable_ask_for_guards_and_know_names(team: Run, folder: Path) -> None:
    (folder / "nospam.py").write_text(NOSPAM)
    (folder / "chat.toml").write_text('plugins = ["nospam.py"]\n')
    assert "there is no plugin 'nosuch'" in said(team("plugins", "disable", "nosuch"))
    asked = team("plugins", "disable", "nospam", input="n\n")
    assert "NOBODY will" in asked.stderr
    assert asked.exit_code == 130
    done = team("plugins", "disable", "nospam", "--yes")
    assert done.stdout == "nospam is switched off. Nobody guards message_will_send.\n"
    assert team("plugins", "enable", "nospam").stdout == "nospam is switched on.\n"


COUNTING = """
from chatcore.hooks import CliCommand, CliOption, hookimpl

async def users(chat, domain, limit, loud):
    found = [user.email for user in await chat.users.list() if user.email.endswith(domain)]
    return [{"email": email.upper() if loud else email} for email in found[: int(limit)]]

@hookimpl
def register_cli():
    options = (
        CliOption(name="domain", about="", positional=True),
        CliOption(name="limit", about="How many.", default="10"),
        CliOption(name="loud", about="Shout.", flag=True),
    )
    return [CliCommand(name="users", about="List people.", run=users, options=options, columns=("email",))]
"""


def test_commands_of_plugins_are_run(team: Run, folder: Path) -> None:
    (folder / "people.py").write_text(COUNTING)
    (folder / "chat.toml").write_text('plugins = ["people.py"]\n')
    assert "command: chatcore plugins run people users" in team("plugins", "check", "people.py").stdout
    assert json.loads(team("plugins", "run", "people", "users", "example.org", "--json").stdout) == [
        {"email": "ada@example.org"}
    ]
    assert "ADA@" in team("plugins", "run", "people", "users", "example.org", "--loud").stdout
    assert team("plugins", "run", "people", "users", "nowhere").stderr == "There is nothing to list.\n"
    assert "users" in team("plugins", "run", "people", "--help").stdout
    assert team("plugins", "run", "nobody").exit_code == 2


def test_settings_of_a_plugin_that_only_serve_is_told_of_are_in_nobodys_way(team: Run, folder: Path) -> None:
    """`serve --plugin nospam.py` with `[plugin.nospam]` in chat.toml: every other command works all the same."""
    config = "class Config(PluginConfig):\n    words: list[str] = []\n"
    source = NOSPAM.replace("import Reject", "import PluginConfig, Reject").replace("\n@hook", f"\n{config}\n@hook")
    (folder / "nospam.py").write_text(source)
    (folder / "chat.toml").write_text('[plugin.nospam]\nwords = ["buy now"]\n')
    for command in (("user", "list"), ("workspace", "list"), ("migrate", "status"), ("plugins", "check", "nospam.py")):
        done = team(*command)
        assert done.exit_code == 0, done.stderr
    rows = {row["name"]: row["state"] for row in json.loads(team("plugins", "list", "--json").stdout)}
    assert rows["nospam"] == "missing"
    assert "settings for nospam, and no such plugin" in team("doctor").stdout
    assert "there is no plugin 'nospam'" in said(team("plugins", "disable", "nospam"))
    done = team("plugins", "disable", "nospam.py", "--yes")
    assert done.stdout == "nospam is switched off. Nobody guards message_will_send.\n"
    assert team("plugins", "enable", "nospam.py").stdout == "nospam is switched on.\n"
    # The server itself is strict: a name that nothing has is a mistake there.
    (folder / "chat.toml").write_text("[plugin.nospan]\n")
    assert "plugin.nospan: there is no such plugin" in said(team("serve", "--plugin", "nospam.py"))
