"""`chatcore token`: the tokens by which bots sign in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from chatcli.listing import json_option, moment, show, show_json
from chatcli.operator import operate
from chatcli.problem import Failure
from chatcli.settings import database_options
from chatcore import Chat
from chatcore.model import BotToken, TokenScope, User

COLUMNS = ("id", "bot", "name", "scopes", "state", "createdAt", "expiresAt")


def row_of(token: BotToken, bot: str) -> dict[str, Any]:
    """A token as it is listed: never the secret, which nobody has kept."""
    return {
        "id": token.id,
        "bot": bot,
        "name": token.name,
        "scopes": None if token.scopes is None else [scope.value for scope in token.scopes],
        "state": _state(token),
        "createdAt": moment(token.created_at),
        "expiresAt": moment(token.expires_at),
        "revokedAt": moment(token.revoked_at),
    }


def _state(token: BotToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    expired = token.expires_at is not None and token.expires_at <= datetime.now(UTC)
    return "expired" if expired else "good"


@click.group(short_help="Tokens of bots: create, list, revoke.")
def token() -> None:
    """Tokens by which bots sign in (`cct_…`). Works on the database itself, beside a running server or without one.

    A bot is an account made with `chatcore user create --bot`.
    """


@token.command(short_help="Make a token for a bot, and print it.")
@click.argument("email")
@click.option("--name", required=True, metavar="TEXT", help="What the token is for, to know it by later.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in TokenScope]),
    multiple=True,
    help="What it may be used for; may be repeated.  [default: everything that the bot may do]",
)
@click.option("--days", type=click.IntRange(1, 36_500), help="It ends after so many days.  [default: never]")
@json_option
@database_options
def create(
    email: str,
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    as_json: bool,
    config_file: Path | None,
    database_url: str | None,
) -> None:
    """Make a token for the bot EMAIL, and print it: once, because only its digest is kept.

    A token for a few scopes does less harm when it is lost: one that only sends needs `--scope messages:write` and
    `--scope channels:read`, to find channels by name.

    \b
    Example:
      export CHATCORE_URL=http://127.0.0.1:8000
      export CHATCORE_TOKEN=$(chatcore token create deploy@bots.example.org --name ci)
      chatcore send --workspace team deployments "Version 7 is live"
    """

    async def work(chat: Chat) -> tuple[BotToken, str, User]:
        bot = await chat.users.by_email(email)
        expires_at = None if days is None else chat.clock.now() + timedelta(days=days)
        wanted = [TokenScope(scope) for scope in scopes] or None
        made, text = await chat.tokens.create(bot, name=name, scopes=wanted, expires_at=expires_at)
        return made, text, bot

    made, text, bot = operate(config_file, database_url, work)
    if as_json:
        show_json({**row_of(made, bot.email), "token": text})
    else:
        click.echo(text)


@token.command("list")
@click.option("--bot", "email", metavar="EMAIL", help="Only this bot's.")
@json_option
@database_options
def list_(email: str | None, as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List the tokens, those that are over too.

    \b
    Example:
      chatcore token list --bot deploy@bots.example.org
    """

    async def work(chat: Chat) -> list[dict[str, Any]]:
        bot = None if email is None else await chat.users.by_email(email)
        found = await chat.tokens.list(bot)
        emails = {user_id: (await chat.users.get(user_id)).email for user_id in {each.user_id for each in found}}
        return [row_of(each, emails[each.user_id]) for each in found]

    rows = operate(config_file, database_url, work)
    if not as_json:
        rows = [{**row, "scopes": ", ".join(row["scopes"] or ["all"])} for row in rows]
    show(rows, COLUMNS, as_json=as_json, none="There are no tokens.")


@token.command()
@click.argument("token_id", metavar="ID")
@database_options
def revoke(token_id: str, config_file: Path | None, database_url: str | None) -> None:
    """End a token now, on a running server too. ID is that of `chatcore token list`; its beginning is enough.

    \b
    Example:
      chatcore token revoke 0197c2d1-4be0-7a11-9d2e-5f0f6ad1c3b7
    """

    async def work(chat: Chat) -> BotToken:
        matching = [each for each in await chat.tokens.list() if each.id.startswith(token_id)]
        if len(matching) != 1:
            raise Failure(f"{len(matching) or 'no'} tokens begin with {token_id!r}: see `chatcore token list`")
        return await chat.tokens.revoke(matching[0].id)

    revoked = operate(config_file, database_url, work)
    click.echo(f"Revoked {revoked.id} ({revoked.name}).")
