"""One socket that comes back: after a growing, jittered delay, with the owner's cursor and what has no answer yet.

Link ──opened──► owner: what to join with        Link ──heard──► owner: one event, which it may refuse (no room)
     ──joined──► owner: where it stands now           ──waiting──► owner: why, and for how long
"""

import logging
from typing import Any, Protocol

import orjson
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, WebSocketConnection

from chatcore.client.access import RENEW_AFTER, lasts
from chatcore.client.api import Api
from chatcore.client.dialling import dial
from chatcore.client.ending import Ended, after, lost, rejected
from chatcore.client.faults import NotChatcore, fault, passes, why
from chatcore.client.outbox import Outbox
from chatcore.errors import ChatError, Unauthorized
from chatcore.model import Position

HEARTBEAT_SECONDS = 20.0
PONG_SECONDS = 15.0
STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: the next delay is short again."""
CLOSE_SECONDS = 3.0
JOIN = "join"
SIGN_IN = "sign-in"
PATH = "/api/realtime"

log = logging.getLogger("chatcore.client")


class Owner(Protocol):
    """Who is told. Nothing here may wait."""

    def opened(self) -> dict[str, Any] | None:
        """A connection is open: the data to join with; None: not now (`Link.join` does it later)."""
        ...

    def joined(self, position: Position, *, resumed: bool) -> None:
        """What was missed has come; from this position on the stream is live."""
        ...

    def heard(self, frame: dict[str, Any], size: int) -> bool:
        """One event; False when there is no room for it, nor for what follows."""
        ...

    def waiting(self, reason: str, delay: float) -> None:
        """The connection is gone for this reason; the next attempt comes after `delay` seconds."""
        ...


class Link:
    """See the module; `run` must be running."""

    def __init__(self, api: Api, owner: Owner) -> None:
        self.outbox = Outbox()
        self.connected = False
        self._api = api
        self._owner = owner
        self._overflowed = False
        self._hopeless: ChatError | None = None

    async def run(self) -> None:
        """Until cancelled. Raises ChatError when coming back is of no use."""
        attempt = 0
        while True:
            began = trio.current_time()
            token = self._api.access.token
            ended = await self._connect(token)
            self.connected = False
            if self._hopeless is not None:
                raise self._hopeless
            if self._overflowed:
                # Our own doing: the connection goes on without the events, which wait at the server.
                self._overflowed = False
                continue
            if trio.current_time() - began > STEADY_SECONDS:
                attempt = 0
            if ended.too_many:
                self.outbox.calm_down()
            plan = after(ended, attempt)
            if plan.renew:
                await self._renew(token)
            self._owner.waiting(ended.reason, plan.delay)
            await trio.sleep(plan.delay)
            attempt += 1

    def join(self, data: dict[str, Any]) -> None:
        """Join on the open connection; without one, the next asks `opened`."""
        self._say("join_workspace", JOIN, data)

    def tell(self, type_: str, data: dict[str, Any]) -> None:
        """Send something that is not worth a retry, if there is a connection."""
        if self.connected:
            self.outbox.urge(orjson.dumps({"type": type_, "data": data}).decode())

    async def _renew(self, stale: str | None) -> None:
        """Get another token. When the server cannot be asked now, the next refusal leads here again."""
        try:
            await self._api.renew(stale)
        except ChatError as problem:
            if not passes(problem):
                raise

    async def _connect(self, token: str | None) -> Ended:
        """One connection, from its beginning to its end."""
        try:
            line = await dial(self._api.access.url)
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            return lost(why(error))
        ended = lost("no heartbeat")
        # The library leaves a line open that the other end was first to close, so it is closed here.
        async with line.stream, trio.open_nursery() as nursery:
            try:
                socket = await line.upgrade(nursery, PATH, token)
                ended = await self._serve(socket, token, nursery)
                with trio.move_on_after(CLOSE_SECONDS):
                    await socket.aclose()
            except ConnectionRejected as refusal:
                ended = rejected(refusal.status_code, dict(refusal.headers or ()))
            except (HandshakeError, trio.TooSlowError) as error:
                ended = lost(str(error) or type(error).__name__)
            nursery.cancel_scope.cancel()
        return ended

    async def _serve(self, socket: WebSocketConnection, token: str | None, nursery: trio.Nursery) -> Ended:
        self.outbox.reopen()
        self.connected = True
        data = self._owner.opened()
        if data is not None:
            self.join(data)
        nursery.start_soon(self._watch, socket, nursery.cancel_scope)
        nursery.start_soon(self._write, socket)
        nursery.start_soon(self._stay_signed_in, token)
        try:
            return await self._listen(socket)
        except ConnectionClosed as closed:
            reason = closed.reason
            return lost("the connection broke") if reason is None else Ended(reason.code, reason.reason or "")

    async def _listen(self, socket: WebSocketConnection) -> Ended:
        while True:
            text = await socket.get_message()
            try:
                frame = orjson.loads(text)
            except orjson.JSONDecodeError:
                frame = None
            if not isinstance(frame, dict):
                self._hopeless = NotChatcore(f"{self._api.access.url} does not speak Chatcore's protocol")
                return lost(self._hopeless.message)
            ended = self._take(frame, len(text))
            if ended is not None:
                return ended

    def _take(self, frame: dict[str, Any], size: int) -> Ended | None:
        type_, id_ = frame.get("type"), frame.get("id")
        if type_ == "reply" and id_ == JOIN:
            return self._joined(frame)
        if type_ == "reply" and id_ != SIGN_IN:
            self.outbox.answered(frame)
        elif type_ == "error":
            log.debug("the server refused a frame: %s", frame.get("error"))
        elif type_ not in ("reply", "hello") and not self._owner.heard(frame, size):
            self._overflowed = True
            return lost("more comes than is taken")
        return None

    def _joined(self, frame: dict[str, Any]) -> Ended | None:
        if frame.get("ok") is True:
            place = frame["data"]
            self._owner.joined(Position(epoch=place["epoch"], seq=place["seq"]), resumed=place["resumed"] is True)
            return None
        refusal = fault(400, frame.get("error") or {})
        if not passes(refusal) and not isinstance(refusal, Unauthorized):
            self._hopeless = refusal
        return lost(refusal.message)

    async def _write(self, socket: WebSocketConnection) -> None:
        try:
            while True:
                await socket.send_message(await self.outbox.next())
        except ConnectionClosed:
            # The reader says how it ended.
            return

    async def _watch(self, socket: WebSocketConnection, scope: trio.CancelScope) -> None:
        """End a connection whose other end is silent: without a word from us, a dead one looks like a quiet one."""
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            with trio.move_on_after(PONG_SECONDS) as patience:
                try:
                    await socket.ping()
                except ConnectionClosed:
                    return
            if patience.cancelled_caught:
                scope.cancel()

    async def _stay_signed_in(self, token: str | None) -> None:
        """Renew the token before it ends, and say so on the open connection."""
        while (life := lasts(token)) is not None:
            await trio.sleep(life * RENEW_AFTER)
            try:
                await self._api.renew(token)
            except ChatError as problem:
                # When the token ends the server closes the connection, and the renewal is tried again.
                log.warning("the sign-in could not be renewed: %s", problem.message)
                return
            token = self._api.access.token
            self._say("authenticate", SIGN_IN, {"accessToken": token})

    def _say(self, type_: str, id_: str, data: dict[str, Any]) -> None:
        if self.connected:
            self.outbox.urge(orjson.dumps({"type": type_, "id": id_, "data": data}).decode())
