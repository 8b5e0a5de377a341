"""Work on the database itself, as the operator: it need not be served, and may be."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio

from chatcli import settings
from chatcli.problem import Failure
from chatcore import Chat, open_chat
from chatcore.config import Config
from chatcore.model import Role, User, Workspace

T = TypeVar("T")


def operate(
    config_file: Path | None,
    database_url: str | None,
    work: Callable[[Chat], Awaitable[T]],
    *,
    plugins: tuple[str, ...] = (),
) -> T:
    """Open the chat of the configuration, do the work, and close it. A running server notices by itself.

    plugins: files or names of those to load beside the configured ones.
    """
    config = settings.read(config_file, {"database_url": database_url, "plugins": plugins})
    require_database(config)
    return trio.run(_opened, config, work)


async def _opened(config: Config, work: Callable[[Chat], Awaitable[T]]) -> T:
    # The periodic work of plugins is the server's: a command that looks in for a moment must not begin it.
    async with open_chat(config=config, jobs=False) as chat:
        return await work(chat)


def database_file(config: Config) -> Path | None:
    """The file of a SQLite database; None for any other."""
    name = config.database_url.removeprefix("sqlite:///")
    return Path(name) if name not in (config.database_url, ":memory:") else None


def require_database(config: Config) -> None:
    """Raises Failure when there is no database: to make one in the wrong folder would hide the mistake."""
    path = database_file(config)
    if path is not None and not path.exists():
        raise Failure(
            f"there is no database {path}: name it with --database-url, or make it with `chatcore migrate up`"
        )


async def actor_in(chat: Chat, workspace: Workspace, email: str | None) -> User:
    """Who acts in a workspace: the person named with --as, or its owner. Raises NotFound, Failure."""
    if email is not None:
        return await chat.users.by_email(email)
    owners = await chat.storage.read(lambda tx: tx.members.find(workspace_id=workspace.id, role=Role.OWNER))
    for owner in owners:
        user = await chat.users.get(owner.user_id)
        if user.deactivated_at is None:
            return user
    raise Failure(f"the workspace {workspace.slug} has no active owner: name somebody with --as EMAIL")
