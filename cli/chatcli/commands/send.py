"""`chatcore send`: say something."""

import sys
from uuid import uuid4

import click
import trio

from chatcli.listing import show_json
from chatcli.problem import Failure
from chatcli.signin import choose_access, choose_channel, choose_workspace, server_options
from chatcore.client import Access, open_client


async def _send(access: Access, slug: str | None, channel: str, content: str, thread: str | None) -> dict[str, object]:
    async with open_client(access.url, access=access) as client:
        workspace = await choose_workspace(client, slug)
        place = choose_channel(await client.channels.list(workspace.slug), channel)
        # With a name of its own, a message that is sent again because the answer was lost is still sent once.
        body = {"content": content, "tempId": str(uuid4())}
        if thread is not None:
            body["threadId"] = thread
        path = f"/api/channels/{place.id}/messages"
        sent: dict[str, object] = await client.request("POST", path, body, again=True)
        return sent


def read_text(given: str | None) -> str:
    """The text of the message: what was typed, or standard input without the line break at its end. Raises Failure."""
    try:
        if given is not None and given != "-":
            given.encode()
            return given
        if sys.stdin.isatty():
            click.echo("Type the message, then Ctrl-D on a line of its own.", err=True)
        text = sys.stdin.buffer.read().decode()
    except UnicodeError as error:
        raise Failure("the message is not UTF-8 text") from error
    return text.replace("\r\n", "\n").removesuffix("\n")


@click.command(short_help="Send a message.")
@click.argument("channel")
@click.argument("text", required=False)
@server_options
@click.option("--thread", metavar="MESSAGE-ID", help="Reply in the thread of this message.")
@click.option("--json", "as_json", is_flag=True, help="Print the message as it was stored, as JSON.")
def send(
    channel: str,
    text: str | None,
    workspace: str | None,
    email: str | None,
    url: str | None,
    thread: str | None,
    as_json: bool,
) -> None:
    """Send TEXT to a channel of a running server; without TEXT, or with -, what comes on standard input.

    When it returns, the message is stored. Sign in first with `chatcore login`; a bot sets CHATCORE_URL and
    CHATCORE_TOKEN instead.

    \b
    Examples:
      chatcore send --workspace team general "Hello, world"
      git log -1 | chatcore send -w team deployments
    """
    content = read_text(text)
    sent = trio.run(_send, choose_access(url, email), workspace, channel, content, thread)
    if as_json:
        show_json(sent)
