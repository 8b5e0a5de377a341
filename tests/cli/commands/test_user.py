"""`chatcore user`."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from tests.cli.shell import CHATCORE, Run, said

from chatcli.password import ALPHABET, LENGTH


def emails(run: Run) -> list[str]:
    return [row["email"] for row in json.loads(run("user", "list", "--json").stdout)]


def test_create_and_list(team: Run) -> None:
    done = team("user", "create", "BOB@Example.ORG", "--name", "Bob", "--password-stdin", input="battery staple\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "Created bob@example.org.\n", "")
    [ada, bob] = json.loads(team("user", "list", "--json").stdout)
    assert set(bob) == {
        "id", "email", "displayName", "firstName", "lastName", "isBot", "active", "createdAt", "deactivatedAt",
    }  # fmt: skip
    assert (ada["email"], bob["email"]) == ("ada@example.org", "bob@example.org")
    assert (bob["displayName"], bob["isBot"], bob["active"], bob["deactivatedAt"]) == ("Bob", False, True, None)
    header, *lines = team("user", "list").stdout.splitlines()
    assert header.split("  ")[0] == "EMAIL"
    assert len(lines) == 2


def test_a_new_account_joins_the_workspace_with_its_role(team: Run) -> None:
    made = team("user", "create", "root@example.org", "--generate-password", "--workspace", "team", "--role", "admin")
    assert made.exit_code == 0
    members = json.loads(team("workspace", "members", "team", "--json").stdout)
    assert {row["email"]: row["role"] for row in members} == {"ada@example.org": "owner", "root@example.org": "admin"}


def test_nothing_is_made_when_there_is_no_such_workspace(team: Run) -> None:
    line = said(team("user", "create", "bob@example.org", "--generate-password", "--workspace", "teem"))
    assert line == "chatcore: There is no such workspace, or you may not see it."
    assert emails(team) == ["ada@example.org"]


def test_a_generated_password_is_printed_once_and_is_a_good_one(team: Run) -> None:
    [_, line] = team("user", "create", "bob@example.org", "--generate-password").stdout.splitlines()
    password = line.removeprefix("Password (shown this once): ")
    assert len(password) == LENGTH
    assert set(password) <= set(ALPHABET)
    told = json.loads(team("user", "create", "eve@example.org", "--generate-password", "--json").stdout)
    assert told["password"] != password


def test_a_password_is_no_argument(team: Run) -> None:
    assert team("user", "create", "bob@example.org", "--password", "secret").exit_code == 2


def test_without_a_terminal_one_is_told_how_to_give_a_password(team: Run) -> None:
    line = said(team("user", "create", "bob@example.org", input="typed blindly\n"))
    assert line.endswith("use --password-stdin or --generate-password")
    assert said(team("user", "create", "bob@example.org", "--password-stdin", input="\n")).endswith("standard input")
    assert emails(team) == ["ada@example.org"]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("ada@example.org", "--generate-password"), "There is an account with this e-mail"),
        (("no e-mail", "--generate-password"), "email: write it like name@example.org"),
        (("x@example.org", "--generate-password", "--name", "a\nb"), "displayName: "),
        (("x@example.org", "--generate-password", "--name", "\udc80"), "displayName: "),
    ],
)
def test_bad_input_is_one_line(team: Run, args: tuple[str, ...], expected: str) -> None:
    assert said(team("user", "create", *args)).startswith(f"chatcore: {expected}")
    assert emails(team) == ["ada@example.org"]


def test_a_weak_password_is_refused(team: Run) -> None:
    assert "password" in said(team("user", "create", "bob@example.org", "--password-stdin", input="short\n"))


def test_deactivate_and_reactivate(team: Run) -> None:
    assert team("user", "deactivate", "ada@example.org").stdout == "Deactivated ada@example.org.\n"
    [ada] = json.loads(team("user", "list", "--json").stdout)
    assert ada["active"] is False
    assert ada["deactivatedAt"] is not None
    assert team("user", "reactivate", "ada@example.org").exit_code == 0
    assert json.loads(team("user", "list", "--json").stdout)[0]["active"] is True
    assert said(team("user", "deactivate", "nobody@example.org")).startswith("chatcore: There is no such user")


def test_reset_password(team: Run) -> None:
    done = team("user", "reset-password", "ada@example.org", "--generate-password")
    assert done.exit_code == 0
    assert "signed out everywhere" in done.stdout
    assert said(team("user", "reset-password", "eve@example.org", "--generate-password")).startswith("chatcore: There")


def test_a_password_is_typed_twice_and_not_shown(team: Run, folder: Path) -> None:
    shown = typed_at_a_terminal(
        ["user", "create", "bob@example.org"],
        [
            ("Password: ", "battery staple"),
            ("Repeat for confirmation: ", "battery stable"),
            ("Password: ", "battery staple"),
            ("Repeat for confirmation: ", "battery staple"),
        ],
    )
    assert "do not match" in shown
    assert "Created bob@example.org." in shown
    assert "battery" not in shown
    assert emails(team) == ["ada@example.org", "bob@example.org"]


def typed_at_a_terminal(args: list[str], answers: list[tuple[str, str]]) -> str:
    """Run a command at a terminal and answer its prompts in turn; everything that was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([CHATCORE, *args], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        for prompt, answer in answers:
            seen = len(shown)
            while prompt.encode() not in shown[seen:]:
                shown += terminal.read(1024)
            terminal.write(answer.encode() + b"\n")
        try:
            while chunk := terminal.read(1024):
                shown += chunk
        except OSError:  # how Linux says that the other end of a terminal is gone
            pass
    assert process.wait(timeout=20) == 0, shown
    return shown.decode()
