"""`chatcore user`: accounts."""

from pathlib import Path
from typing import Any

import click

from chatcli.listing import json_option, moment, show, show_json
from chatcli.operator import operate
from chatcli.password import new_password, new_password_options
from chatcli.settings import database_options
from chatcore import Chat
from chatcore.model import Role, User

COLUMNS = ("email", "displayName", "isBot", "active", "createdAt")


def row_of(user: User) -> dict[str, Any]:
    """An account as it is listed."""
    return {
        "id": user.id,
        "email": user.email,
        "displayName": user.display_name,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "isBot": user.is_bot,
        "active": user.deactivated_at is None,
        "createdAt": moment(user.created_at),
        "deactivatedAt": moment(user.deactivated_at),
    }


@click.group(short_help="Accounts: create, list, deactivate, reset a password.")
def user() -> None:
    """Accounts of this installation. Works on the database itself, beside a running server or without one."""


@user.command()
@click.argument("email")
@click.option("--name", metavar="TEXT", help="Name that others see.  [default: first and last name, or the e-mail's]")
@click.option("--first-name", default="", metavar="TEXT", help="Given name.")
@click.option("--last-name", default="", metavar="TEXT", help="Family name.")
@click.option("--bot", is_flag=True, help="A bot: it has no password; make it a token with `chatcore token create`.")
@click.option("--workspace", metavar="SLUG", help="Make the account a member of this workspace.")
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.MEMBER.value,
    show_default=True,
    help="The role in that workspace.",
)
@new_password_options
@json_option
@database_options
def create(
    email: str,
    name: str | None,
    first_name: str,
    last_name: str,
    bot: bool,
    workspace: str | None,
    role: str,
    password_stdin: bool,
    generate_password: bool,
    as_json: bool,
    config_file: Path | None,
    database_url: str | None,
) -> None:
    """Create an account. The password is asked for, unless an option says otherwise.

    \b
    Examples:
      chatcore user create ada@example.org --name "Ada Lovelace" --workspace team
      chatcore user create root@example.org --generate-password --workspace team --role admin
      chatcore user create deploy@bots.example.org --bot --name Deploy --workspace team
    """
    if bot and (password_stdin or generate_password):
        raise click.UsageError("A bot has no password: leave the password option out.")
    password = None if bot else new_password(from_stdin=password_stdin, generate=generate_password)

    async def work(chat: Chat) -> User:
        home = None if workspace is None else await chat.workspaces.by_slug(workspace)
        made = await chat.users.create(
            email=email,
            display_name=name,
            first_name=first_name,
            last_name=last_name,
            password=password,
            is_bot=bot,
        )
        if home is not None:
            await chat.members.add(home, made, role=Role(role))
        return made

    made = operate(config_file, database_url, work)
    shown = password if generate_password else None
    if as_json:
        show_json({**row_of(made), **({"password": shown} if shown else {})})
        return
    click.echo(f"Created {made.email}.")
    if shown:
        click.echo(f"Password (shown this once): {shown}")


@user.command("list")
@json_option
@database_options
def list_(as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List every account, oldest first.

    \b
    Examples:
      chatcore user list
      chatcore user list --json | jq -r '.[] | select(.active) | .email'
    """

    async def work(chat: Chat) -> list[User]:
        return await chat.users.list()

    found = operate(config_file, database_url, work)
    show([row_of(each) for each in found], COLUMNS, as_json=as_json, none="There are no accounts.")


@user.command(short_help="Close an account, and sign it out everywhere.")
@click.argument("email")
@database_options
def deactivate(email: str, config_file: Path | None, database_url: str | None) -> None:
    """Close an account: it is signed out everywhere and can do nothing; its messages stay.

    \b
    Example:
      chatcore user deactivate mallory@example.org
    """

    async def work(chat: Chat) -> User:
        return await chat.users.deactivate(await chat.users.by_email(email))

    click.echo(f"Deactivated {operate(config_file, database_url, work).email}.")


@user.command()
@click.argument("email")
@database_options
def reactivate(email: str, config_file: Path | None, database_url: str | None) -> None:
    """Bring a closed account back, with its memberships.

    \b
    Example:
      chatcore user reactivate ada@example.org
    """

    async def work(chat: Chat) -> User:
        return await chat.users.reactivate(await chat.users.by_email(email))

    click.echo(f"Reactivated {operate(config_file, database_url, work).email}.")


@user.command("reset-password", short_help="Give an account another password.")
@click.argument("email")
@new_password_options
@database_options
def reset_password(
    email: str, password_stdin: bool, generate_password: bool, config_file: Path | None, database_url: str | None
) -> None:
    """Give an account another password, and sign it out everywhere.

    \b
    Examples:
      chatcore user reset-password ada@example.org
      chatcore user reset-password ada@example.org --generate-password
    """
    password = new_password(from_stdin=password_stdin, generate=generate_password)

    async def work(chat: Chat) -> User:
        found = await chat.users.by_email(email)
        await chat.sessions.reset_password(found.id, password)
        return found

    found = operate(config_file, database_url, work)
    click.echo(f"{found.email} has another password, and is signed out everywhere.")
    if generate_password:
        click.echo(f"Password (shown this once): {password}")
