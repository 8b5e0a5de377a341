"""The gateway of one server: its connections, its rooms, and the nursery that their work runs in."""

import logging
import random
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from chatcore import Chat
from chatcore.errors import ChatError, NotFound, RateLimited
from chatcore.ids import SessionId, UserId, WorkspaceId, uuid7
from chatcore.ports import Background, background
from chatcore.service.identity import Identity
from chatserver import sessions
from chatserver.client import Proxies
from chatserver.gateway.connection import Connection
from chatserver.gateway.deadlines import Deadlines
from chatserver.gateway.flow import Pace
from chatserver.gateway.opening import Admission, Door, Request
from chatserver.gateway.resume import READS_AT_ONCE
from chatserver.gateway.room import Room
from chatserver.gateway.rooms import Rooms
from chatserver.gateway.tally import Tally
from chatserver.net.socket import Socket
from chatserver.origins import Origins
from chatserver.ratelimit import RateLimiter

_REORDERING = ("permission_check", "message_will_send", "around_message_send")
"""Hooks that may wait: with one of them in use, two messages that are under way at once could change places."""

PER_USER_SECONDS = 30
"""When an account with too many connections is told to try again."""

BACK_PER_SECOND, BACK_SECONDS = 100, 30
"""At which pace the clients of a server that stops come back: few at once, and all of them within this time."""

log = logging.getLogger(__name__)


class Gateway:
    """See the module. `run` must be running; lanes ask `admit` about a request and then `serve` the socket."""

    def __init__(
        self,
        chat: Chat,
        *,
        limiter: RateLimiter,
        origins: Origins,
        proxies: Proxies,
        pace: Pace | None,
        per_user: int | None = None,
    ) -> None:
        """`pace`: how much one socket may say; `per_user`: how many an account may have. None: as much as it can."""
        self.chat = chat
        self.limiter = limiter
        self.proxies = proxies
        self.pace = pace
        self._per_user = per_user
        self.overlap = not any(chat.hooks.has(hook) for hook in _REORDERING)
        self.rooms = Rooms()
        self.deadlines = Deadlines()
        self.turnstile = trio.Semaphore(READS_AT_ONCE)
        self.tally = Tally()
        self.under_way = 0
        """Frames that are being carried out, of all connections."""
        self._door = Door(chat=chat, limiter=limiter, origins=origins, proxies=proxies)
        self._connections: set[Connection] = set()
        self._by_user: dict[UserId, set[Connection]] = {}
        self._revocations = 0
        self._nursery: trio.Nursery | None = None
        self._tasks: Background | None = None
        self._stopping = False

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    @property
    def queued(self) -> int:
        """Bytes that wait for peers which do not take them, over all connections. It looks at each."""
        return sum(connection.socket.queued for connection in self._connections)

    # --- what lanes call -------------------------------------------------------------------------------------------

    async def admit(self, request: Request) -> Admission:
        """Before the upgrade. Raises Forbidden, RateLimited."""
        try:
            return await self._door.admit(request)
        except ChatError as error:
            self.tally.refused[error.code] += 1
            raise

    async def serve(self, socket: Socket, admission: Admission) -> None:
        """The life of an accepted socket."""
        connection = Connection(self, socket, uuid7(int(self.chat.clock.now().timestamp() * 1000)))
        self._connections.add(connection)
        self.tally.opened += 1
        if self._stopping:
            connection.stop()
        await connection.run(admission)

    # --- what the server calls -------------------------------------------------------------------------------------

    async def run(self, task_status: trio.TaskStatus[Background] = trio.TASK_STATUS_IGNORED) -> None:
        """Work, until cancelled. Gives what keeps the tasks of the server running."""
        self.chat.sessions.on_revoked(self._revoked)
        with self.chat.hub.attach(self.rooms), self.chat.hub.attach(self.tally):
            async with background() as tasks, trio.open_nursery() as nursery:
                self._nursery, self._tasks = nursery, tasks
                await tasks.start("rooms", self.rooms.run)
                await tasks.start("deadlines", self.deadlines.run)
                task_status.started(tasks)
                await trio.sleep_forever()

    def health(self) -> dict[str, Any]:
        """Quick facts for readiness: `{"ok": bool, ...}`."""
        return {"ok": True} if self._tasks is None else self._tasks.health()

    def stop(self) -> None:
        """Take nothing more, let every connection finish what it began, and close it with 1012.

        Many clients are told to come back one after the other: whatever takes them in has others to serve.
        """
        self._stopping = True
        connections = list(self._connections)
        random.shuffle(connections)
        pace = max(BACK_PER_SECOND, len(connections) / BACK_SECONDS)
        for number, connection in enumerate(connections):
            connection.stop(int(number / pace))

    # --- what connections call -------------------------------------------------------------------------------------

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run this beside everything else."""
        assert self._nursery is not None, "the gateway is not running"
        self._nursery.start_soon(work)

    async def identify(self, token: str) -> Identity:
        """Who a token proves to be. Raises Unauthorized."""
        while True:
            before = self._revocations
            identity = await sessions.identify(self.chat, token)
            if before == self._revocations:
                return identity

    def check_room_for(self, user_id: UserId) -> None:
        """Raises RateLimited when the account has too many connections already."""
        if self._per_user is not None and len(self._by_user.get(user_id, ())) >= self._per_user:
            raise RateLimited(
                f"Your account has {self._per_user} connections open here: close one, or try again later.",
                PER_USER_SECONDS,
            )

    def remember(self, connection: Connection) -> None:
        """The connection is signed in: it is to be told of revocations."""
        sign_in = connection.protocol.sign_in
        assert sign_in is not None
        self._by_user.setdefault(sign_in.user_id, set()).add(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._connections.discard(connection)
        self.tally.closed[connection.socket.close_code] += 1
        sign_in = connection.protocol.sign_in
        if sign_in is not None:
            mine = self._by_user.get(sign_in.user_id, set())
            mine.discard(connection)
            if not mine:
                self._by_user.pop(sign_in.user_id, None)

    async def room_for(self, workspace_id: WorkspaceId, user_id: UserId) -> Room:
        """The room of a workspace that the user is a member of. Raises NotFound."""
        if self.chat.hooks.has("permission_check"):
            await self.chat.workspaces.get(workspace_id, actor=user_id)
        directory = await self.chat.directory.of_member(workspace_id, user_id)
        if directory is None or directory.role(user_id) is None:
            raise NotFound.of("workspace")
        return self.rooms.open(directory)

    def _revoked(self, user_id: UserId, session_id: SessionId | None) -> None:
        self._revocations += 1
        for connection in tuple(self._by_user.get(user_id, ())):
            sign_in = connection.protocol.sign_in
            if session_id is None or (sign_in is not None and sign_in.session_id == session_id):
                connection.revoked()
