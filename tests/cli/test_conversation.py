"""The command line against a real server: serving, signing in, sending, following, backing up."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.process import PATIENCE, READY, Process
from tests.cli.shell import CHATCORE
from tests.programme.process import QUICK_PASSWORDS

PASSWORD = "correct horse"


class Town:
    """A folder with a server in it, and people who have terminals."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.port = 0
        self._processes: list[Process] = []

    def env(self, who: str = "operator") -> dict[str, str]:
        home = self.folder / f"home-{who}"
        home.mkdir(exist_ok=True)
        return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "CHATCORE_PLUGINS": QUICK_PASSWORDS}

    def start(self, *args: str, name: str, who: str = "operator", **env: str) -> Process:
        process = Process(self.folder, *args, name=name, env=self.env(who) | env)
        self._processes.append(process)
        return process

    def serve(self, *args: str, name: str = "server") -> Process:
        """Start the server, on the same port as before if there was one."""
        server = self.start("serve", "--port", str(self.port), *args, name=name, RATE_LIMITS="off")
        self.url = server.wait_for(READY.pattern)[1]
        self.port = int(self.url.rpartition(":")[2])
        return server

    def run(
        self, *args: str, who: str = "operator", text: str | None = None, **env: str
    ) -> "subprocess.CompletedProcess[str]":
        """`chatcore ARGS`, from its beginning to its end."""
        return subprocess.run(
            [CHATCORE, *args],
            cwd=self.folder,
            env=self.env(who) | env,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def good(self, *args: str, who: str = "operator", text: str | None = None) -> str:
        """The output of a command that works."""
        done = self.run(*args, who=who, text=text)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def send_until_heard(self, *args: str, who: str, **env: str) -> None:
        """Send, again and again for the seconds in which a server may not know what another process has just done."""
        deadline = time.monotonic() + PATIENCE
        while (done := self.run("send", *args, who=who, **env)).returncode != 0:
            assert time.monotonic() < deadline, done
            time.sleep(0.2)

    def login(self, who: str) -> None:
        email = f"{who}@example.org"
        said = self.good("login", self.url, "--email", email, "--password-stdin", who=who, text=f"{PASSWORD}\n")
        assert said == f"Signed in to {self.url} as {email}.\n"

    def add(self, who: str) -> None:
        """Make an account in the workspace `team`, and sign in."""
        email = f"{who}@example.org"
        create = ("user", "create", email, "--name", who.title(), "--workspace", "team", "--password-stdin")
        self.good(*create, text=f"{PASSWORD}\n")
        self.login(who)

    def clear(self) -> None:
        for process in self._processes:
            process.clear()


@pytest.fixture
def town(furnished: Path, tmp_path: Path) -> Iterator[Town]:
    """A town whose database holds the workspace `team` of ada@example.org; nobody serves it yet."""
    town = Town(shutil.copytree(furnished, tmp_path / "town"))
    yield town
    town.clear()


@pytest.fixture(scope="module")
def served(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town with its server running, and Ada signed in. Tests share it: each brings its own people and channels."""
    town = Town(shutil.copytree(furnished, tmp_path_factory.mktemp("served") / "town"))
    town.serve()
    town.login("ada")
    yield town
    town.clear()


def fails(done: "subprocess.CompletedProcess[str]", *expected: str) -> None:
    assert done.returncode == 1, done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for each in expected:
        assert each in line


def events(tail: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tail.out.read_text().splitlines()]


def contents(tail: Process) -> list[str]:
    return [event["data"]["message"]["content"] for event in events(tail) if event["type"] == "message_received"]


# --- serving ---------------------------------------------------------------------------------------------------------


def test_first_start_says_how_to_sign_in_and_sigterm_ends_with_0(tmp_path: Path) -> None:
    town = Town(tmp_path)
    try:
        server = town.serve()
        assert server.out.read_text() == f"Chatcore is ready on {town.url}\n"
        password = server.wait_for(r"password (\S+)$", stream="err")[1]
        town.good("login", town.url, "--email", "owner@localhost", "--password-stdin", text=password + "\n")
        town.good("send", "general", "Hello from the first start")
        assert server.stop() == 0
        server = town.serve(name="again")
        assert "First start" not in server.err.read_text()
        tail = town.start("tail", "--since", "1h", "--json", name="tail")
        tail.wait_for("Hello from the first start")
        assert server.stop(signal.SIGINT) == 0
    finally:
        town.clear()


def test_a_taken_port_is_one_line(served: Town) -> None:
    fails(served.run("serve", "--port", str(served.port)), f"port {served.port}: Address already in use", "--port")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--workers", "2"), "needs PostgreSQL"),
        (("--database-url", "nosuchbase://x"), "no installed plugin provides the storage for nosuchbase:"),
        (("--plugin", "nowhere.py"), "there is no file nowhere.py"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
        (("--config", "nowhere.toml"), "nowhere.toml: cannot be read"),
    ],
)
def test_what_stops_the_start_is_one_line(town: Town, args: tuple[str, ...], expected: str) -> None:
    fails(town.run("serve", "--port", "0", *args), expected)


def test_a_plugin_of_ones_own_is_served(town: Town) -> None:
    (town.folder / "nospam.py").write_text(
        "from chatcore.hooks import Reject, hookimpl\n"
        "@hookimpl\n"
        "async def message_will_send(draft):\n"
        "    if 'spam' in draft.content:\n"
        "        raise Reject('spam', 'No spam, please.')\n"
    )
    town.serve("--plugin", "nospam.py", "--migrate")
    town.login("ada")
    town.good("send", "general", "ham", who="ada")
    fails(town.run("send", "general", "spam", who="ada"), "No spam, please.")


# --- talking ---------------------------------------------------------------------------------------------------------


def test_two_terminals_chat(served: Town) -> None:
    served.add("bob")
    ada = served.start("tail", "--workspace", "team", "general", name="ada", who="ada")
    bob = served.start("tail", "--json", name="bob", who="bob")
    # What is said before a tail has joined is not followed: go on until both have heard something.
    deadline = time.monotonic() + PATIENCE
    while not (ada.out.read_text() and bob.out.read_text()) and time.monotonic() < deadline:
        served.good("send", "general", "Anybody there?", who="ada")
        time.sleep(0.2)
    assert served.good("send", "--workspace", "team", "general", "Hello, Bob", who="ada") == ""
    assert served.good("send", "-w", "team", "#general", who="bob", text="Hello,\nAda\n") == ""
    bob.wait_for("Hello, Bob")
    assert re.search(r"^\d\d:\d\d:\d\d #general Ada: Hello, Bob$", ada.wait_for(".*Hello, Bob.*")[0])
    assert re.search(r"^\d\d:\d\d:\d\d #general Bob: Hello,\n    Ada$", ada.wait_for(".*Bob: Hello,\n    Ada")[0])
    bob.wait_for(r"Hello,\\nAda")
    assert contents(bob)[-2:] == ["Hello, Bob", "Hello,\nAda"]
    assert ada.stop(signal.SIGINT) == 130


def test_text_comes_from_the_argument_or_from_standard_input(served: Town) -> None:
    told = json.loads(served.good("send", "general", "--json", "typed", who="ada"))
    assert (told["content"], told["user"]["displayName"]) == ("typed", "Ada")
    reply = json.loads(
        served.good("send", "general", "-", "--json", "--thread", told["id"], who="ada", text="a\r\nb\n")
    )
    assert (reply["content"], reply["threadId"]) == ("a\nb", told["id"])


def test_what_cannot_be_sent_is_one_line(served: Town) -> None:
    send = ("send", "-w", "team")
    fails(served.run(*send, "general", "", who="ada"), "content")
    fails(served.run(*send, "general", "x" * 5000, who="ada"), "4000 characters")
    fails(served.run(*send, "nowhere", "x", who="ada"), "there is no channel 'nowhere'", "general")
    fails(served.run("send", "-w", "nowhere", "general", "x", who="ada"), "no workspace 'nowhere'", "team")
    fails(served.run(*send, "general", "x", "--as", "eve@example.org", who="ada"), "not signed in as eve@example.org")
    fails(served.run(*send, "general", "x", who="stranger"), "chatcore login")
    bad = subprocess.run(
        [CHATCORE, *send, "general"], env=served.env("ada"), input=b"\xff", capture_output=True, timeout=PATIENCE
    )
    assert (bad.returncode, bad.stderr) == (1, b"chatcore: the message is not UTF-8 text\n")


def test_wrong_password_and_wrong_address(served: Town) -> None:
    login = ("login", served.url, "--email", "ada@example.org", "--password-stdin")
    fails(served.run(*login, who="x", text="wrong\n"), "The e-mail or the password is wrong.")
    fails(served.run("login", "http://127.0.0.1:1", *login[2:], who="x", text="y\n"), "cannot reach", "refused")
    assert served.run("login", "127.0.0.1:8000", *login[2:], text="y\n").returncode == 2


def test_logout_ends_the_session_here_and_there(served: Town) -> None:
    served.add("lou")
    file = served.folder / "home-lou/.config/chatcore/credentials.json"
    before = file.read_bytes()
    assert served.good("logout", who="lou") == f"Signed out of {served.url} as lou@example.org.\n"
    fails(served.run("send", "general", "x", who="lou"), "not signed in")
    fails(served.run("logout", who="lou"), "no such sign-in")
    file.write_bytes(before)  # whoever kept the tokens cannot use them any more
    fails(served.run("send", "general", "x", who="lou"), "you are signed out", "chatcore login")


def test_a_bot_talks_by_its_token(served: Town) -> None:
    served.good("user", "create", "bot@example.org", "--bot", "--name", "Bot", "--workspace", "team")
    token = served.good("token", "create", "bot@example.org", "--name", "ci").strip()
    bot = {"CHATCORE_URL": served.url, "CHATCORE_TOKEN": token, "CHATCORE_WORKSPACE": "team"}
    served.send_until_heard("general", "hello", who="bot", **bot)
    done = served.run("send", "general", "--json", "beep", who="bot", **bot)
    assert json.loads(done.stdout)["user"]["displayName"] == "Bot"
    tail = served.start("tail", "general", "--json", "--since", "1h", name="bot", who="bot", **bot)
    tail.wait_for("beep")
    [row] = json.loads(served.good("token", "list", "--json"))
    served.good("token", "revoke", row["id"])
    assert tail.ended() == 1
    assert "chatcore token create" in tail.err.read_text().splitlines()[-1]
    fails(served.run("send", "general", "beep", who="bot", **bot), "does not take this token")
    fails(served.run("send", "general", "x", who="bot", CHATCORE_TOKEN=token), "CHATCORE_URL is not")


def test_the_operator_changes_things_beside_the_running_server(served: Town) -> None:
    served.add("eve")
    tail = served.start("tail", "--since", "1m", name="tail", who="eve")
    served.good("send", "general", "first", who="ada")
    tail.wait_for("first")
    served.good("channel", "create", "news", "--workspace", "team")
    tail.wait_for(r"#news \(new channel\)")
    served.good("send", "news", "second", who="ada")
    tail.wait_for("#news Ada: second")
    served.good("channel", "archive", "news", "--workspace", "team")
    tail.wait_for(r"#news \(archived\)")
    served.good("user", "deactivate", "eve@example.org")
    assert tail.ended() == 1
    assert "you are signed out" in tail.err.read_text().splitlines()[-1]


# --- following -------------------------------------------------------------------------------------------------------


def test_since_shows_what_was_said_before_and_a_cursor_goes_on_behind_it(served: Town) -> None:
    served.good("channel", "create", "past", "--workspace", "team")
    served.send_until_heard("past", "message 0", who="ada")
    for number in range(1, 4):
        served.good("send", "past", f"message {number}", who="ada")
    tail = served.start("tail", "past", "--since", "1h", "--json", name="first", who="ada")
    tail.wait_for("message 3")
    assert contents(tail) == [f"message {number}" for number in range(4)]
    cursor = next(event["cursor"] for event in events(tail) if event["data"]["message"]["content"] == "message 1")
    served.good("send", "past", "message 4", who="ada")
    rest = served.start("tail", "past", "--since", cursor, "--json", name="rest", who="ada")
    for each in (tail, rest):
        each.wait_for("message 4")
    assert contents(tail) == [f"message {number}" for number in range(5)]
    assert contents(rest) == ["message 2", "message 3", "message 4"]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_lost_or_doubled_when_the_server_restarts(town: Town, end: int) -> None:
    server = town.serve()
    town.login("ada")
    town.good("send", "general", "message 0", who="ada")
    tail = town.start("tail", "--since", "1h", "--json", name="tail", who="ada")
    tail.wait_for("message 0")
    sent = 1
    for round_ in range(3):
        for _ in range(3):
            town.good("send", "general", f"message {sent}", who="ada")
            sent += 1
        server.stop(end)
        server = town.serve(name=f"server{round_}")
        town.good("send", "general", f"message {sent}", who="ada")
        sent += 1
        tail.wait_for("connected again", stream="err", times=round_ + 1)
    tail.wait_for(f'message {sent - 1}"')
    assert contents(tail) == [f"message {number}" for number in range(sent)]


@pytest.mark.slow
def test_after_a_restore_the_tail_reads_afresh_and_doubles_nothing(town: Town) -> None:
    server = town.serve()
    town.login("ada")
    town.good("send", "general", "kept", who="ada")
    tail = town.start("tail", "--since", "1h", "--json", name="tail", who="ada")
    tail.wait_for("kept")
    town.good("backup", "copy.db")
    town.good("send", "general", "lost with the restore", who="ada")
    tail.wait_for("lost with")
    assert server.stop() == 0
    town.good("restore", "copy.db", "--yes")
    town.serve(name="restored")
    town.good("send", "general", "new", who="ada")
    tail.wait_for('"new"')
    assert contents(tail) == ["kept", "lost with the restore", "new"]
    assert "too long ago to resume" in tail.err.read_text()


# --- backing up ------------------------------------------------------------------------------------------------------


def test_backup_while_people_talk_and_restore(served: Town) -> None:
    for number in range(3):
        served.good("send", "general", f"message {number}", who="ada")
    said = served.good("backup", "copy.db")
    assert re.fullmatch(r"Saved copy\.db \(\d+\.\d MiB\)\.\n", said)
    copy = served.folder / "copy.db"
    assert copy.stat().st_mode & 0o077 == 0
    fails(served.run("backup", "copy.db"), "is there already", "--force")
    served.good("backup", "copy.db", "--force")
    (served.folder / "backups").mkdir()
    assert re.fullmatch(r"Saved backups/chat-\d{8}T\d{6}Z\.db .*\n", served.good("backup", "backups"))
    fails(served.run("backup", "nowhere/copy.db"), "there is no folder nowhere")
    fails(served.run("restore", "copy.db", "--yes"), "in use: stop the server first")
    fails(served.run("restore", "nowhere.db", "--yes"), "There is no backup nowhere.db")
    users = json.loads(served.good("user", "list", "--json", "--database-url", "sqlite:///copy.db"))
    assert "ada@example.org" in {user["email"] for user in users}


def test_a_damaged_backup_is_not_restored(town: Town) -> None:
    town.good("backup", "copy.db")
    data = (town.folder / "copy.db").read_bytes()
    (town.folder / "copy.db").write_bytes(data[:4096] + b"\xff" * 4096 + data[8192:])
    fails(town.run("restore", "copy.db", "--yes"), "copy.db")
    assert "ada@example.org" in town.good("user", "list")


# --- looking after it ------------------------------------------------------------------------------------------------


def test_doctor_asks_the_running_server(served: Town) -> None:
    found = json.loads(served.good("doctor", "--url", served.url, "--port", str(served.port), "--json"))
    states: dict[str, str] = {each["check"]: each["state"] for each in found}
    assert states["server"] == "ok"
    assert states["port"] == "warn"
    assert "fail" not in states.values()
