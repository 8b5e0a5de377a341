"""`chatcore send`: say something."""

import sys
from uuid import uuid4

import click
import trio

from chatcli.listing import show_json
from chatcli.problem import Failure
from chatcli.remote.access import Access
from chatcli.remote.api import open_api
from chatcli.signin import choose_access, choose_channel, choose_workspace, list_channels, server_options


async def _send(access: Access, slug: str | None, channel: str, content: str, thread: str | None) -> dict[str, object]:
    async with open_api(access) as api:
        workspace = await choose_workspace(api, slug)
        place = choose_channel(await list_channels(api, workspace["slug"]), channel)
        # With a name of its own, a message that is sent again because the answer was lost is still sent once.
        body = {"content": content, "tempId": str(uuid4())}
        if thread is not None:
            body["threadId"] = thread
        sent: dict[str, object] = await api.post(f"/api/channels/{place['id']}/messages", body)
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
