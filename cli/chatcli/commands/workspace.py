"""`chatcore workspace`: workspaces and who is in them."""

from pathlib import Path
from typing import Any

import click

from chatcli.listing import json_option, moment, show, show_json
from chatcli.operator import actor_in, operate
from chatcli.settings import database_options
from chatcore import Chat
from chatcore.model import MemberCard, Role, Workspace

COLUMNS = ("slug", "name", "members", "openJoin", "createdAt")
MEMBER_COLUMNS = ("email", "displayName", "role", "isBot", "active")
PAGE = 100


def row_of(workspace: Workspace, members: int) -> dict[str, Any]:
    """A workspace as it is listed."""
    return {
        "id": workspace.id,
        "slug": workspace.slug,
        "name": workspace.name,
        "description": workspace.description,
        "members": members,
        "openJoin": workspace.settings.get("openJoin") is True,
        "createdAt": moment(workspace.created_at),
    }


def member_row(card: MemberCard, email: str) -> dict[str, Any]:
    """A member as they are listed."""
    return {
        "userId": card.user_id,
        "email": email,
        "displayName": card.display_name,
        "role": card.role.value,
        "isBot": card.is_bot,
        "active": not card.deactivated,
    }


async def count_members(chat: Chat, workspace: Workspace) -> int:
    """How many active members a workspace has."""
    return await chat.storage.read(lambda tx: tx.members.count(workspace.id))


@click.group(short_help="Workspaces: create, list, show and add members.")
def workspace() -> None:
    """Workspaces. Works on the database itself, beside a running server or without one."""


@workspace.command()
@click.argument("slug")
@click.option("--name", required=True, metavar="TEXT", help="What people call it.")
@click.option("--owner", required=True, metavar="EMAIL", help="The account that will own it.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--open", "is_open", is_flag=True, help="Let anybody who is signed in join.")
@json_option
@database_options
def create(
    slug: str,
    name: str,
    owner: str,
    description: str | None,
    is_open: bool,
    as_json: bool,
    config_file: Path | None,
    database_url: str | None,
) -> None:
    """Create a workspace with the channel `general`. SLUG is the part of addresses that names it.

    \b
    Example:
      chatcore workspace create team --name "The Team" --owner ada@example.org
    """

    async def work(chat: Chat) -> Workspace:
        user = await chat.users.by_email(owner)
        made = await chat.workspaces.create(name=name, slug=slug, owner=user, description=description, general=True)
        if is_open:
            made = await chat.workspaces.update(made, actor=user, settings={"openJoin": True})
        return made

    made = operate(config_file, database_url, work)
    if as_json:
        show_json(row_of(made, 1))
    else:
        click.echo(f"Created the workspace {made.slug}.")


@workspace.command(short_help="Bring an account into a workspace.")
@click.argument("slug")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.MEMBER.value,
    show_default=True,
    help="As what.",
)
@database_options
def add(slug: str, email: str, role: str, config_file: Path | None, database_url: str | None) -> None:
    """Make the account EMAIL a member of the workspace SLUG. A bot that runs hears of it by itself. Who is in it
    already stays in it as they are.

    \b
    Example:
      chatcore workspace add team dice@bots.example.org
    """

    async def work(chat: Chat) -> MemberCard:
        home = await chat.workspaces.by_slug(slug)
        return await chat.members.add(home, await chat.users.by_email(email), role=Role(role))

    card = operate(config_file, database_url, work)
    click.echo(f"{email} is in {slug}, as {card.role.value}.")


@workspace.command("list")
@json_option
@database_options
def list_(as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List every workspace.

    \b
    Example:
      chatcore workspace list
    """

    async def work(chat: Chat) -> list[dict[str, Any]]:
        return [row_of(each, await count_members(chat, each)) for each in await chat.workspaces.all()]

    rows = operate(config_file, database_url, work)
    show(rows, COLUMNS, as_json=as_json, none="There are no workspaces.")


@workspace.command()
@click.argument("slug")
@click.option("--as", "as_email", metavar="EMAIL", help="Act as this person.  [default: the workspace's owner]")
@json_option
@database_options
def members(slug: str, as_email: str | None, as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List the members of a workspace.

    \b
    Example:
      chatcore workspace members team
    """

    async def work(chat: Chat) -> list[dict[str, Any]]:
        home = await chat.workspaces.by_slug(slug)
        actor = await actor_in(chat, home, as_email)
        rows: list[dict[str, Any]] = []
        cards = await chat.members.list(home, actor=actor, limit=PAGE)
        while cards:
            rows += [member_row(card, (await chat.users.get(card.user_id)).email) for card in cards]
            cards = await chat.members.list(home, actor=actor, after=cards[-1].user_id, limit=PAGE)
        return rows

    rows = operate(config_file, database_url, work)
    show(rows, MEMBER_COLUMNS, as_json=as_json, none="There are no members.")
