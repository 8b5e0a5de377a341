"""`chatcore token`."""

import json
import re

import pytest
import trio
from tests.cli.shell import Run, said

from chatcore import open_chat
from chatcore.errors import Unauthorized


@pytest.fixture
def bot(team: Run) -> Run:
    """As `team`, with the bot deploy@bots.example.org."""
    made = team("user", "create", "deploy@bots.example.org", "--bot", "--name", "Deploy", "--workspace", "team")
    assert made.exit_code == 0
    return team


def test_a_token_is_printed_once_and_signs_the_bot_in(bot: Run) -> None:
    done = bot("token", "create", "deploy@bots.example.org", "--name", "ci")
    assert re.fullmatch(r"cct_[A-Za-z0-9_-]{30,}\n", done.stdout)
    text = done.stdout.strip()
    listed = bot("token", "list", "--json").stdout
    assert text not in listed
    [row] = json.loads(listed)
    assert (row["bot"], row["name"], row["state"], row["expiresAt"]) == ("deploy@bots.example.org", "ci", "good", None)

    async def verify() -> bool:
        async with open_chat("sqlite:///chat.db") as chat:
            return (await chat.tokens.verify(text)).is_bot

    assert trio.run(verify)
    assert bot("token", "revoke", row["id"]).stdout == f"Revoked {row['id']} (ci).\n"
    assert json.loads(bot("token", "list", "--json").stdout)[0]["state"] == "revoked"
    with pytest.raises(Unauthorized):
        trio.run(verify)


def test_a_token_may_end_by_itself(bot: Run) -> None:
    told = json.loads(
        bot("token", "create", "deploy@bots.example.org", "--name", "ci", "--days", "30", "--json").stdout
    )
    assert told["token"].startswith("cct_")
    assert told["expiresAt"] > told["createdAt"]


def test_a_token_may_be_for_less_than_everything(bot: Run) -> None:
    scopes = ("--scope", "messages:write", "--scope", "channels:read", "--scope", "messages:write")
    bot("token", "create", "deploy@bots.example.org", "--name", "ci", *scopes)
    bot("token", "create", "deploy@bots.example.org", "--name", "all")
    shown = {row["name"]: row["scopes"] for row in json.loads(bot("token", "list", "--json").stdout)}
    assert shown == {"ci": ["messages:write", "channels:read"], "all": None}
    listed = bot("token", "list").stdout
    assert "messages:write, channels:read" in listed
    assert "all" in listed
    wrong = bot("token", "create", "deploy@bots.example.org", "--name", "ci", "--scope", "everything")
    assert wrong.exit_code == 2
    assert "messages:read" in wrong.stderr


def test_the_list_can_be_narrowed_to_one_bot(bot: Run) -> None:
    bot("user", "create", "other@bots.example.org", "--bot")
    bot("token", "create", "deploy@bots.example.org", "--name", "ci")
    bot("token", "create", "other@bots.example.org", "--name", "cd")
    assert len(json.loads(bot("token", "list", "--json").stdout)) == 2
    [row] = json.loads(bot("token", "list", "--bot", "other@bots.example.org", "--json").stdout)
    assert row["name"] == "cd"


def test_refusals(bot: Run) -> None:
    assert "tokens are for bots" in said(bot("token", "create", "ada@example.org", "--name", "x"))
    assert "no such user" in said(bot("token", "create", "nobody@example.org", "--name", "x"))
    assert "no tokens begin with" in said(bot("token", "revoke", "0197"))
    for name in ("a", "b"):
        bot("token", "create", "deploy@bots.example.org", "--name", name)
    assert "2 tokens begin with" in said(bot("token", "revoke", "0"))
    assert bot("user", "create", "x@bots.example.org", "--bot", "--generate-password").exit_code == 2
