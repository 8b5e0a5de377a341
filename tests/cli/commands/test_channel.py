"""`chatcore channel`."""

import json

import pytest
from tests.cli.shell import Run, said


@pytest.fixture
def two(team: Run) -> Run:
    """As `team`, with bob@example.org in it."""
    team("user", "create", "bob@example.org", "--generate-password", "--workspace", "team")
    return team


def names(run: Run, *args: str) -> list[str]:
    return [row["name"] for row in json.loads(run("channel", "list", "-w", "team", "--json", *args).stdout)]


def test_create_list_and_archive(two: Run) -> None:
    done = two("channel", "create", "#deployments", "-w", "team", "--description", "What went live")
    assert done.stdout == "Created #deployments.\n"
    assert names(two) == ["deployments", "general"]
    assert two("channel", "archive", "deployments", "--workspace", "team").stdout == "Archived #deployments.\n"
    [deployments, general] = json.loads(two("channel", "list", "-w", "team", "--json").stdout)
    assert (deployments["archived"], deployments["description"]) == (True, "What went live")
    assert deployments["archivedAt"] is not None
    assert (general["archived"], general["type"]) == (False, "public")


def test_what_the_actor_cannot_see_is_not_there(two: Run) -> None:
    private = ("channel", "create", "board", "-w", "team", "--private", "--as", "bob@example.org")
    assert two(*private).exit_code == 0
    assert names(two) == ["general"]
    assert names(two, "--as", "bob@example.org") == ["board", "general"]
    assert "ada@example.org may not see it" in said(two("channel", "archive", "board", "-w", "team"))


def test_members_are_added(two: Run) -> None:
    two("channel", "create", "board", "-w", "team", "--private", "--member", "bob@example.org")
    assert names(two, "--as", "bob@example.org") == ["board", "general"]


def test_refusals(two: Run) -> None:
    assert "lower-case" in said(two("channel", "create", "No Name", "-w", "team"))
    assert "of this name already" in said(two("channel", "create", "general", "-w", "team"))
    assert "general channel belongs to everyone" in said(two("channel", "archive", "general", "-w", "team"))
    assert "no such workspace" in said(two("channel", "list", "-w", "nowhere"))
