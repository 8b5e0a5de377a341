"""`chatcore channel`: channels of a workspace."""

from pathlib import Path
from typing import Any

import click

from chatcli.listing import json_option, moment, show, show_json
from chatcli.operator import actor_in, operate
from chatcli.problem import Failure
from chatcli.settings import database_options
from chatcore import Chat
from chatcore.model import Channel, ChannelType, User, Workspace

COLUMNS = ("name", "type", "description", "archived", "createdAt")

workspace_option = click.option("--workspace", "-w", "slug", required=True, metavar="SLUG", help="The workspace.")
as_option = click.option(
    "--as", "as_email", metavar="EMAIL", help="Act as this member.  [default: the workspace's owner]"
)


def row_of(channel: Channel) -> dict[str, Any]:
    """A channel as it is listed."""
    return {
        "id": channel.id,
        "name": channel.name,
        "type": channel.type.value,
        "description": channel.description,
        "archived": channel.archived_at is not None,
        "createdAt": moment(channel.created_at),
        "archivedAt": moment(channel.archived_at),
    }


async def stand(chat: Chat, slug: str, as_email: str | None) -> tuple[Workspace, User]:
    """The workspace, and who acts in it. Raises NotFound, Failure."""
    home = await chat.workspaces.by_slug(slug)
    return home, await actor_in(chat, home, as_email)


@click.group(short_help="Channels: create, list, archive.")
def channel() -> None:
    """Channels of a workspace. Works on the database itself, beside a running server or without one.

    Acts as the owner of the workspace, or as the member named with --as. What that member cannot see (private channels
    of others, direct messages) is not shown here either.
    """


@channel.command()
@click.argument("name")
@workspace_option
@click.option("--private", is_flag=True, help="Only its members see it.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--member", "emails", multiple=True, metavar="EMAIL", help="Add this person. May be given several times.")
@as_option
@json_option
@database_options
def create(
    name: str,
    slug: str,
    private: bool,
    description: str | None,
    emails: tuple[str, ...],
    as_email: str | None,
    as_json: bool,
    config_file: Path | None,
    database_url: str | None,
) -> None:
    """Create a channel. Who acts is in it; others join a public one by themselves.

    \b
    Examples:
      chatcore channel create deployments --workspace team
      chatcore channel create board --workspace team --private --member ada@example.org
    """

    async def work(chat: Chat) -> Channel:
        home, actor = await stand(chat, slug, as_email)
        return await chat.channels.create(
            home,
            name=name.removeprefix("#"),
            actor=actor,
            type=ChannelType.PRIVATE if private else ChannelType.PUBLIC,
            description=description,
            members=[await chat.users.by_email(email) for email in emails],
        )

    made = operate(config_file, database_url, work)
    if as_json:
        show_json(row_of(made))
    else:
        click.echo(f"Created #{made.name}.")


@channel.command("list", short_help="List the channels of a workspace.")
@workspace_option
@as_option
@json_option
@database_options
def list_(slug: str, as_email: str | None, as_json: bool, config_file: Path | None, database_url: str | None) -> None:
    """List the channels that the owner of the workspace, or the member named with --as, can see.

    \b
    Example:
      chatcore channel list --workspace team
    """

    async def work(chat: Chat) -> list[Channel]:
        home, actor = await stand(chat, slug, as_email)
        found = [summary.channel for summary in await chat.channels.list(home, actor=actor)]
        return [each for each in found if each.type is not ChannelType.DIRECT]

    found = operate(config_file, database_url, work)
    show([row_of(each) for each in found], COLUMNS, as_json=as_json, none="There are no channels.")


@channel.command()
@click.argument("name")
@workspace_option
@as_option
@database_options
def archive(name: str, slug: str, as_email: str | None, config_file: Path | None, database_url: str | None) -> None:
    """Close a channel: it can be read, not written to.

    \b
    Example:
      chatcore channel archive old-project --workspace team
    """
    wanted = name.removeprefix("#")

    async def work(chat: Chat) -> None:
        home, actor = await stand(chat, slug, as_email)
        for summary in await chat.channels.list(home, actor=actor):
            if summary.channel.name == wanted:
                await chat.channels.archive(summary.channel, actor=actor)
                return
        raise Failure(f"there is no channel {wanted!r} in {slug}, or {actor.email} may not see it")

    operate(config_file, database_url, work)
    click.echo(f"Archived #{wanted}.")
