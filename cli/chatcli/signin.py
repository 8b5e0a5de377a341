"""Which server a command talks to, and as whom."""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from chatcli.problem import Failure
from chatcli.remote.access import StoredAccess
from chatcli.remote.credentials import Credentials
from chatcore.client import Access, BotAccess, Client, clean_token, clean_url
from chatcore.client.answers import ChannelItem, WorkspaceItem
from chatcore.errors import ValidationFailed
from chatcore.model import ChannelType

F = TypeVar("F", bound=Callable[..., Any])


def server_options(command: F) -> F:
    """`--url`, `--as` and `--workspace`, for every command that talks to a running server."""
    for option in (
        click.option(
            "--workspace",
            "-w",
            metavar="SLUG",
            envvar="CHATCORE_WORKSPACE",
            help="The workspace (CHATCORE_WORKSPACE).  [default: the only one that you are in]",
        ),
        click.option("--as", "email", metavar="EMAIL", help="Which of your sign-ins to use.  [default: the newest]"),
        click.option(
            "--url",
            metavar="URL",
            envvar="CHATCORE_URL",
            help="The server (CHATCORE_URL).  [default: that of the sign-in]",
        ),
    ):
        command = option(command)
    return command


def read_url(url: str) -> str:
    """A server's address as somebody typed it, without a slash at the end. Raises UsageError."""
    try:
        return clean_url(url)
    except ValidationFailed as wrong:
        raise click.UsageError(wrong.message) from wrong


def choose_access(url: str | None, email: str | None) -> Access:
    """The bot's token of the environment (unless somebody is named), or a stored sign-in.

    Raises Failure, ValidationFailed.
    """
    url = None if url is None else read_url(url)
    token = os.environ.get("CHATCORE_TOKEN")
    if token and email is None:
        if url is None:
            raise Failure("CHATCORE_TOKEN is set, CHATCORE_URL is not: set it to the address of the server")
        return BotAccess(url=url, token=clean_token(token))
    credentials = Credentials()
    account = credentials.find(url, email)
    if account is None:
        who = "" if email is None else f" as {email}"
        raise Failure(f"you are not signed in{who}: run `chatcore login {url or 'http://127.0.0.1:8000'}`")
    return StoredAccess(account=account, credentials=credentials)


async def choose_workspace(client: Client, slug: str | None) -> WorkspaceItem:
    """The workspace of this slug, or the only one there is. Raises Failure, ChatError."""
    found = await client.workspaces.list()
    if slug is None and len(found) == 1:
        return found[0]
    for each in found:
        if each.slug == slug:
            return each
    mine = ", ".join(each.slug for each in found) or "none"
    if slug is None:
        raise Failure(f"say which workspace with --workspace; you are in: {mine}")
    raise Failure(f"there is no workspace {slug!r}, or you are not in it; you are in: {mine}")


def choose_channel(channels: Sequence[ChannelItem], name: str) -> ChannelItem:
    """The channel of this name (`general` or `#general`). Raises Failure."""
    wanted = name.removeprefix("#")
    for each in channels:
        if each.name == wanted:
            return each
    known = ", ".join(each.name for each in channels if each.type is not ChannelType.DIRECT) or "none"
    raise Failure(f"there is no channel {wanted!r}, or you may not see it; there are: {known}")
