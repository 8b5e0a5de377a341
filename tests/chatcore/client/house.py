"""A real server in this process, people who have accounts there, and a cable to it that can be cut."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import attrs
import trio

from chatcore import Chat, Config, open_chat
from chatcore.client import Client, open_client
from chatcore.model import Channel, Role, User, Workspace
from chatserver.app import serve

PASSWORD = "correct horse battery"


class Cable:
    """A way to the server that counts its connections; `cut` breaks those that are open, `down` takes no new ones."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self.down = False
        self.dialled = 0
        self._server = port
        self._open: set[trio.CancelScope] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """As when somebody stumbles over it."""
        for scope in tuple(self._open):
            scope.cancel()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            [listener] = await nursery.start(partial(trio.serve_tcp, self._handle, 0, host="127.0.0.1"))
            self.port = listener.socket.getsockname()[1]
            task_status.started()

    async def _handle(self, near: trio.SocketStream) -> None:
        async with near:
            if self.down:
                return
            self.dialled += 1
            with trio.CancelScope() as scope:
                self._open.add(scope)
                async with await trio.open_tcp_stream("127.0.0.1", self._server) as far, trio.open_nursery() as nursery:
                    nursery.start_soon(self._pump, near, far, scope)
                    nursery.start_soon(self._pump, far, near, scope)
            self._open.discard(scope)

    async def _pump(self, source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@attrs.define(kw_only=True)
class House:
    """The workspace `team` of Ada (its owner) and Ben, with `general`."""

    chat: Chat
    url: str
    cable: Cable
    ada: User
    ben: User
    team: Workspace
    general: Channel

    async def token(self, user: User) -> str:
        """An access token."""
        return (await self.chat.sessions.open(user)).access_token

    @asynccontextmanager
    async def client(self, user: User | None = None, *, url: str | None = None) -> AsyncIterator[Client]:
        """A client of Ben, or somebody else."""
        async with open_client(url or self.url, token=await self.token(user or self.ben)) as client:
            yield client


@asynccontextmanager
async def house(*, rate_limits: str = "off") -> AsyncIterator[House]:
    """See `House`."""
    config = Config(database_url="memory:", bcrypt_rounds=4, rate_limits=rate_limits)
    async with open_chat(config=config) as chat, trio.open_nursery() as nursery:
        address = await nursery.start(partial(serve, chat, port=0))
        cable = Cable(address.port)
        await nursery.start(cable.run)
        ada = await chat.users.create(email="ada@example.org", display_name="Ada", password=PASSWORD)
        ben = await chat.users.create(email="ben@example.org", display_name="Ben", password=PASSWORD)
        team = await chat.workspaces.create(name="Team", slug="team", owner=ada, general=True)
        await chat.members.add(team, ben, role=Role.MEMBER)
        (general,) = [each.channel for each in await chat.channels.list(team, actor=ben)]
        yield House(chat=chat, url=address.url, cable=cable, ada=ada, ben=ben, team=team, general=general)
        nursery.cancel_scope.cancel()


Opened = AbstractAsyncContextManager[Client]
