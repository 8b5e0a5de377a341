"""`chatcore login` and `logout`: sign in to a running server, and out."""

from urllib.parse import urlsplit

import click
import trio

from chatcli.password import ask_password, password_stdin_option
from chatcli.problem import Failure
from chatcli.remote.credentials import Account, Credentials
from chatcli.signin import read_url
from chatcore.client import open_client
from chatcore.errors import Unauthorized


async def _sign_in(url: str, email: str, password: str, credentials: Credentials) -> Account:
    async with open_client(url) as client:
        signed_in = await client.sessions.sign_in(email, password)
    account = Account(
        url=url,
        email=signed_in.user.email,
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
    )
    async with credentials.locked():
        credentials.put(account, first=True)
    return account


async def _sign_out(account: Account, credentials: Credentials) -> None:
    try:
        async with open_client(account.url) as client:
            await client.sessions.sign_out(account.refresh_token)
    except Unauthorized:
        pass  # the session is over already
    async with credentials.locked():
        credentials.remove(account)


def warn_if_open(url: str) -> None:
    """Say so when the password would cross a network in the clear."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and host not in ("localhost", "::1") and not host.startswith("127."):
        click.echo(f"Warning: {url} is not encrypted; whoever is in between can read your password.", err=True)


@click.command(short_help="Sign in to a running server.")
@click.argument("url", envvar="CHATCORE_URL")
@click.option("--email", metavar="EMAIL", help="Your e-mail address.  [default: asked for]")
@password_stdin_option
def login(url: str, email: str | None, password_stdin: bool) -> None:
    """Sign in to the server at URL, for `send` and `tail`.

    The sign-in is kept in ~/.config/chatcore/credentials.json, which only you can read; not the password. Several
    people can be signed in: the newest is used, or the one named with --as.

    \b
    Examples:
      chatcore login http://127.0.0.1:8000
      echo "$PASSWORD" | chatcore login https://chat.example.org --email ada@example.org --password-stdin
    """
    url = read_url(url)
    if email is None:
        if password_stdin:
            raise click.UsageError("--password-stdin needs --email.")
        email = click.prompt("E-mail", err=True)
    warn_if_open(url)
    account = trio.run(_sign_in, url, email, ask_password(from_stdin=password_stdin), Credentials())
    click.echo(f"Signed in to {url} as {account.email}.")


@click.command(short_help="Sign out again.")
@click.argument("url", required=False)
@click.option("--as", "email", metavar="EMAIL", help="Which of your sign-ins to end.  [default: the newest]")
def logout(url: str | None, email: str | None) -> None:
    """End a sign-in, at the server and on this machine.

    \b
    Examples:
      chatcore logout
      chatcore logout https://chat.example.org --as ada@example.org
    """
    credentials = Credentials()
    account = credentials.find(None if url is None else read_url(url), email)
    if account is None:
        raise Failure("there is no such sign-in")
    trio.run(_sign_out, account, credentials)
    click.echo(f"Signed out of {account.url} as {account.email}.")
