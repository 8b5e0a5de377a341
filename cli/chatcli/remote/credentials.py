"""Who is signed in where: `credentials.json`, readable by its owner alone."""

import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import orjson
import trio

from chatcli.problem import Failure

LOCK_POLL = 0.05
"""Seconds between looks at a lock that another process holds."""


@attrs.frozen(kw_only=True)
class Account:
    """One sign-in. The refresh token changes with every renewal."""

    url: str
    email: str
    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return self.url, self.email


def default_path() -> Path:
    """`~/.config/chatcore/credentials.json`, or where XDG_CONFIG_HOME points."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "chatcore" / "credentials.json"


@attrs.frozen
class Credentials:
    """The file. Newest sign-in first: it is the one that commands use unless told otherwise."""

    path: Path = attrs.field(factory=default_path)

    def accounts(self) -> list[Account]:
        """Every sign-in. Raises Failure when the file cannot be read."""
        try:
            stored = orjson.loads(self.path.read_bytes())
            return [_account(entry) for entry in stored["accounts"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Failure(f"{self.path} cannot be read ({error}): sign in again after removing it") from error

    def find(self, url: str | None, email: str | None) -> Account | None:
        """The newest sign-in at this server, as this person; None stands for any."""
        for account in self.accounts():
            if url in (None, account.url) and email in (None, account.email):
                return account
        return None

    def put(self, account: Account, *, first: bool = False) -> None:
        """Store a sign-in, in place of an older one of the same person at the same server."""
        accounts = self.accounts()
        index = next((i for i, each in enumerate(accounts) if each.key == account.key), None)
        if index is not None:
            del accounts[index]
        accounts.insert(0 if first or index is None else index, account)
        self._write(accounts)

    def remove(self, account: Account) -> None:
        """Forget a sign-in."""
        self._write([each for each in self.accounts() if each.key != account.key])

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """While this is open, no other process changes the file: two that renew at once would end the session."""
        self._make_folder()
        descriptor = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _lock(descriptor):  # noqa: ASYNC110 - the other process cannot set an event of ours
                await trio.sleep(LOCK_POLL)
            yield
        finally:
            os.close(descriptor)

    def _write(self, accounts: list[Account]) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        self._make_folder()
        data = {"accounts": [_entry(each) for each in accounts]}
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".credentials-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2))
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise

    def _make_folder(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _account(entry: Any) -> Account:
    return Account(
        url=entry["url"],
        email=entry["email"],
        access_token=entry["accessToken"],
        refresh_token=entry["refreshToken"],
    )


def _entry(account: Account) -> dict[str, str]:
    return {
        "url": account.url,
        "email": account.email,
        "accessToken": account.access_token,
        "refreshToken": account.refresh_token,
    }
