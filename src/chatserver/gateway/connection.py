"""One connection: drives the protocol with a socket on one side and the services on the other.

One task reads. Frames are carried out by workers that come into being when there is something to do and end when there
is not, so that an idle connection costs one task, and a slow service never keeps the socket from being read.
"""

import logging
from typing import TYPE_CHECKING, Any

import trio

from chatcore import wire
from chatcore.errors import ChatError, Internal, RateLimited, Unauthorized
from chatcore.ids import UserId, WorkspaceId
from chatcore.model import Position
from chatserver.gateway import answers
from chatserver.gateway.caller import NOTHING, Caller
from chatserver.gateway.calls import CALLS
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.frames import Authenticate, JoinWorkspace, LeaveWorkspace
from chatserver.gateway.opening import Admission
from chatserver.gateway.pipeline import Turn
from chatserver.gateway.protocol import PING_SECONDS, Actions, Begin, Close, Protocol, Send, SignIn
from chatserver.gateway.resume import Joining
from chatserver.gateway.room import Room
from chatserver.net.batch import Batch, Text, single
from chatserver.net.socket import Socket

if TYPE_CHECKING:
    from chatcore.service.identity import Identity
    from chatserver.gateway.gateway import Gateway

log = logging.getLogger(__name__)
_GOODBYE_SECONDS = 2.0
"""How long a cancelled server waits for each connection's presence to be taken back."""


class Connection:
    """See the module. `run` is its life."""

    __slots__ = ("_caller", "_ended", "_gateway", "_rooms", "_space", "_starting", "id", "protocol", "socket")

    def __init__(self, gateway: "Gateway", socket: Socket, connection_id: str) -> None:
        self.id = connection_id
        self.socket = socket
        self.protocol = Protocol(trio.current_time(), pings=socket.can_ping, pace=gateway.pace, overlap=gateway.overlap)
        self._gateway = gateway
        self._caller: Caller | None = None
        self._rooms: dict[WorkspaceId, Room] = {}
        self._space: trio.Event | None = None
        self._starting = False
        self._ended = False

    def is_over(self) -> bool:
        """Whether its life has ended; what was begun may still be going on."""
        return self._ended

    # --- life ------------------------------------------------------------------------------------------------------

    async def run(self, admission: Admission) -> None:
        """From the greeting to the end."""
        try:
            self._write(single(answers.hello(self.id, PING_SECONDS)))
            if admission.identity is not None:
                await self._enter(admission.identity)
            elif admission.refused:
                self._act(self.protocol.close(CloseCode.SIGN_IN, "the token in Authorization is not good"))
            self._gateway.deadlines.set(self, self.protocol.deadline)
            await self._read()
        finally:
            await self._end()

    async def _read(self) -> None:
        tally, protocol = self._gateway.tally, self.protocol
        while (inbound := await self.socket.receive()) is not None:
            tally.frames_in += inbound.frames
            tally.bytes_in += inbound.size
            if inbound.pong:
                protocol.pong()
            if self._gateway.pace is not None:
                self._act(protocol.received(inbound.frames, inbound.size, trio.current_time()))
            for text in inbound.texts:
                self._act(protocol.text(text))
            if protocol.full:
                await self._until_space()

    async def _until_space(self) -> None:
        self.protocol.reading(False)
        while self.protocol.full:
            self._space = trio.Event()
            await self._space.wait()
        self.protocol.reading(True)

    async def _end(self) -> None:
        self._ended = True
        self.protocol.closed()
        self._gateway.deadlines.cancel(self)
        for workspace_id in list(self._rooms):
            self._leave(workspace_id)
        self._gateway.forget(self)
        if self._caller is not None:
            with trio.move_on_after(_GOODBYE_SECONDS, shield=True):
                await self._absent(self._caller.user_id)

    async def _absent(self, user_id: UserId) -> None:
        self._gateway.chat.huddles.connection_closed(user_id, self.id)
        await self._gateway.chat.presence.disconnect(user_id, self.id)
        code = self.socket.close_code
        self._gateway.chat.hooks.did("connection_closed", connection_id=self.id, user_id=user_id, code=code)

    def ring(self, now: float) -> None:
        """A deadline has come."""
        self._act(self.protocol.tick(now))
        if not self._ended:
            self._gateway.deadlines.set(self, self.protocol.deadline)

    def revoked(self) -> None:
        """The sign-in is no longer good."""
        self._act(self.protocol.revoked())

    def stop(self, come_back: int = 0) -> None:
        """The server stops; the client should come back after so many seconds."""
        self._act(self.protocol.stop(trio.current_time(), come_back))
        if not self._ended:
            self._gateway.deadlines.set(self, self.protocol.deadline)

    # --- doing what the protocol says ------------------------------------------------------------------------------

    def _act(self, actions: Actions) -> None:
        if not actions:
            return
        texts = [Text(action.payload) for action in actions if isinstance(action, Send)]
        if texts:
            self._write(Batch(texts))
        for action in actions:
            if isinstance(action, Begin):
                self._start_worker()
            elif isinstance(action, Close):
                self.socket.close(action.code, action.reason)
                if self._space is not None:
                    self._space.set()
            elif not isinstance(action, Send):
                self.socket.ping()

    def _write(self, batch: Batch) -> None:
        self.socket.write(batch)
        self._gateway.tally.wrote(len(batch.texts), batch.size)

    def _start_worker(self) -> None:
        if not self._starting and self.protocol.ready:
            self._starting = True
            self._gateway.spawn(self._work)

    async def _work(self) -> None:
        """Carry out turns until none may begin. They begin here, as workers come to run: in the order of the frames."""
        self._starting = False
        try:
            while (turn := self.protocol.begin()) is not None:
                self._start_worker()
                await self._carry_out(turn)
                if self._space is not None and not self.protocol.full:
                    self._space.set()
        except Exception:
            log.exception("a connection broke down", extra={"connection": self.id})
            self._act(self.protocol.close(CloseCode.BROKE_DOWN, "something broke on our side"))

    async def _carry_out(self, turn: Turn) -> None:
        self._gateway.under_way += 1
        try:
            if isinstance(turn.frame, JoinWorkspace):
                await self._join(turn, turn.frame)
                return
            result = await self._perform(turn)
            if self._gateway.under_way == 1:
                self._gateway.rooms.hurry()  # everybody else waits for what was done, its sender only for the answer
            data = b"" if turn.id is None else wire.encode(result)
        except ChatError as error:
            self._failed(turn, error)
        except Exception:
            log.exception("a frame failed", extra={"frame": turn.frame.type, "connection": self.id})
            self._failed(turn, Internal("Something broke on our side; the log says what."))
        else:
            self._act(self.protocol.done(turn, data))
        finally:
            self._gateway.under_way -= 1

    def _failed(self, turn: Turn, error: ChatError) -> None:
        self._act(self.protocol.failed(turn, error, trio.current_time()))

    async def _perform(self, turn: Turn) -> Any:
        frame = turn.frame
        if isinstance(frame, Authenticate):
            await self._prove(frame.access_token)
            return NOTHING
        if isinstance(frame, LeaveWorkspace):
            self._gateway.rooms.flush()  # nothing of it shall come after the reply
            self._leave(frame.workspace_id)
            return NOTHING
        caller = self._signed_in()
        caller.identity.require(frame.needs)
        return await CALLS[type(frame)](caller, frame)

    # --- signing in ------------------------------------------------------------------------------------------------

    def _signed_in(self) -> Caller:
        if self._caller is None:
            raise Unauthorized("Sign in first: send authenticate, or join_workspace with an accessToken.")
        return self._caller

    async def _prove(self, token: str) -> None:
        await self._sign_in(await self._gateway.identify(token))

    async def _enter(self, identity: "Identity") -> None:
        """Sign in as the request for the connection said."""
        try:
            await self._sign_in(identity)
        except RateLimited as error:
            self._act(self.protocol.turned_away(error))

    async def _sign_in(self, identity: "Identity") -> None:
        gateway = self._gateway
        if self._caller is None:
            gateway.check_room_for(identity.user_id)
        lasts = None
        if identity.expires_at is not None:
            lasts = (identity.expires_at - gateway.chat.clock.now()).total_seconds()
        self.protocol.signed_in(
            SignIn(identity.user_id, identity.session_id, lasts, identity.scopes), trio.current_time()
        )
        if self._ended:
            return
        gateway.deadlines.set(self, self.protocol.deadline)
        gateway.remember(self)
        if self._caller is None:
            self._caller = Caller(gateway.chat, gateway.limiter, identity, self.id)
            gateway.chat.hooks.did("connection_opened", connection_id=self.id, user_id=identity.user_id)
            gateway.chat.huddles.connection_opened(identity.user_id, self.id)
            await gateway.chat.presence.connect(identity.user_id, self.id)
            if self.is_over():
                gateway.chat.huddles.connection_closed(identity.user_id, self.id)
                await gateway.chat.presence.disconnect(identity.user_id, self.id)

    # --- workspaces ------------------------------------------------------------------------------------------------

    async def _join(self, turn: Turn, frame: JoinWorkspace) -> None:
        if self.is_over():
            self.protocol.done(turn, b"")
            return
        if frame.access_token is not None:
            await self._prove(frame.access_token)
        caller = self._signed_in()
        user_id = caller.user_id
        self._leave(frame.workspace_id)
        self.protocol.check_room(frame.workspace_id)
        room = await self._gateway.room_for(frame.workspace_id, user_id)
        self._rooms[frame.workspace_id] = room
        self.protocol.workspaces.add(frame.workspace_id)
        since = None if frame.since is None else Position(epoch=frame.since.epoch, seq=frame.since.seq)
        joining = Joining(room, user_id, self.socket, self._gateway.turnstile, caller.identity.scopes)
        try:
            await joining.catch_up(self._gateway.chat.hub, since)
        except BaseException:
            joining.give_up()
            self._leave(frame.workspace_id)
            raise
        if self.is_over():
            joining.give_up()
            self._gateway.rooms.tidy(room)
            return
        self._gateway.tally.joined(joining.resumed)
        self._gateway.tally.wrote(joining.texts, joining.size)
        data = wire.encode({**wire.to_json(joining.position), "resumed": joining.resumed})
        self._act(self.protocol.done(turn, data))
        joining.go_live()

    def _leave(self, workspace_id: WorkspaceId) -> None:
        room = self._rooms.pop(workspace_id, None)
        if room is not None and self._caller is not None:
            room.remove(self._caller.user_id, self.socket)
            self._gateway.rooms.tidy(room)
        if not self._ended:
            self.protocol.workspaces.discard(workspace_id)
