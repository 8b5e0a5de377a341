"""`chatcore workspace`."""

import json

import trio
from tests.cli.shell import Run, said

from chatcore import open_chat


def test_create_and_list(team: Run) -> None:
    done = team("workspace", "create", "second", "--name", "Second", "--owner", "ada@example.org", "--open", "--json")
    made = json.loads(done.stdout)
    assert (made["slug"], made["name"], made["openJoin"], made["members"]) == ("second", "Second", True, 1)
    listed = json.loads(team("workspace", "list", "--json").stdout)
    assert [(row["slug"], row["openJoin"], row["members"]) for row in listed] == [
        ("team", False, 1),
        ("second", True, 1),
    ]
    assert listed[1] == made


def test_members(team: Run) -> None:
    team("user", "create", "bot@example.org", "--bot", "--workspace", "team", "--role", "guest")
    listed = json.loads(team("workspace", "members", "team", "--json").stdout)
    assert [(row["email"], row["role"], row["isBot"], row["active"]) for row in listed] == [
        ("ada@example.org", "owner", False, True),
        ("bot@example.org", "guest", True, True),
    ]


def test_an_account_is_brought_into_another_workspace(team: Run) -> None:
    team("workspace", "create", "second", "--name", "Second", "--owner", "ada@example.org")
    team("user", "create", "bot@example.org", "--bot", "--workspace", "team")
    add = ("workspace", "add", "second", "bot@example.org")
    assert team(*add, "--role", "guest").stdout == "bot@example.org is in second, as guest.\n"
    assert team(*add).stdout == "bot@example.org is in second, as guest.\n"
    listed = json.loads(team("workspace", "members", "second", "--json").stdout)
    assert [(row["email"], row["role"]) for row in listed] == [
        ("ada@example.org", "owner"),
        ("bot@example.org", "guest"),
    ]
    assert "no such user" in said(team(*add[:3], "nobody@example.org"))
    assert "no such workspace" in said(team("workspace", "add", "nowhere", "bot@example.org"))


def test_members_of_a_large_workspace_are_all_there(team: Run) -> None:
    """More than one page of the service. They are made in the library: a hundred commands would take minutes."""

    async def fill() -> None:
        async with open_chat("sqlite:///chat.db") as chat:
            home = await chat.workspaces.by_slug("team")
            for number in range(120):
                person = await chat.users.create(email=f"p{number}@example.org")
                await chat.members.add(home, person)

    trio.run(fill)
    listed = json.loads(team("workspace", "members", "team", "--json").stdout)
    assert len({row["email"] for row in listed}) == len(listed) == 121


def test_refusals(team: Run) -> None:
    create = ("workspace", "create")
    ada = ("--owner", "ada@example.org")
    assert "slug is taken" in said(team(*create, "team", "--name", "x", *ada))
    assert "lower-case" in said(team(*create, "No Slug", "--name", "x", *ada))
    assert "no such user" in said(team(*create, "third", "--name", "x", "--owner", "nobody@example.org"))
    assert "no such workspace" in said(team("workspace", "members", "nowhere"))


def test_members_are_shown_to_members(team: Run) -> None:
    team("user", "create", "eve@example.org", "--generate-password")
    assert "no such workspace" in said(team("workspace", "members", "team", "--as", "eve@example.org"))


def test_without_an_owner_somebody_has_to_be_named(team: Run) -> None:
    team("user", "create", "bob@example.org", "--generate-password", "--workspace", "team")
    team("user", "deactivate", "ada@example.org")
    assert said(team("workspace", "members", "team")).endswith("name somebody with --as EMAIL")
    listed = json.loads(team("workspace", "members", "team", "--as", "bob@example.org", "--json").stdout)
    assert {row["email"]: row["active"] for row in listed} == {"ada@example.org": False, "bob@example.org": True}
