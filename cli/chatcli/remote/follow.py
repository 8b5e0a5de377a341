"""The events of one workspace, live, through every interruption: each durable one exactly once, in order.

It comes back with its cursor after a growing, jittered delay. When the server no longer has what was missed, the
follower is told so with `joined(…, resumed=False)`, and reads afresh.
"""

from typing import Any, Protocol

import attrs
import orjson
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, WebSocketConnection

from chatcli.problem import Failure
from chatcli.remote.answer import Refused, Unreachable, why
from chatcli.remote.api import Api
from chatcli.remote.cursor import Cursor
from chatcore.client.dialling import dial
from chatcore.client.ending import Ended, Plan, after, lost, rejected
from chatcore.errors import ChatError

HEARTBEAT_SECONDS = 20.0
PONG_SECONDS = 15.0
STEADY_SECONDS = 10.0
"""A connection that lasted so long was a good one: the next delay is short again."""
CLOSE_SECONDS = 3.0
QUEUE = 1000
"""Frames that may wait here while history is read; more wait at the server."""
JOIN = "join"


class Follower(Protocol):
    """Who is told."""

    async def joined(self, now: Cursor, *, resumed: bool) -> None:
        """The connection is live from `now` on; with `resumed`, what was missed comes first, as events."""
        ...

    async def event(self, event: dict[str, Any], cursor: Cursor | None) -> None:
        """One event, with the cursor after it (None: ephemeral)."""
        ...

    def waiting(self, reason: str, delay: float) -> None:
        """The connection is gone for this reason; the next attempt comes after `delay` seconds."""
        ...


class Following:
    """One workspace, followed. `cursor` is where it stands."""

    def __init__(self, api: Api, workspace_id: str, follower: Follower, since: Cursor | None = None) -> None:
        self.cursor = since
        self._api = api
        self._workspace_id = workspace_id
        self._follower = follower

    async def run(self) -> None:
        """Until cancelled. Raises Failure when coming back is of no use."""
        attempt = 0
        while True:
            began = trio.current_time()
            ended = await self._connect()
            if trio.current_time() - began > STEADY_SECONDS:
                attempt = 0
            plan = _plan(ended, attempt)
            if plan.renew:
                await self._renew()
            self._follower.waiting(ended.reason, plan.delay)
            await trio.sleep(plan.delay)
            attempt += 1

    async def _renew(self) -> None:
        """Get another token. When the server cannot be asked now, the next refusal leads here again."""
        try:
            await self._api.renew()
        except (Unreachable, Refused) as problem:
            _only_if_it_passes(problem)

    async def _connect(self) -> Ended:
        """One connection, from its beginning to its end."""
        access = self._api.access
        try:
            line = await dial(access.url)
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            return lost(why(error))
        ended = lost("no heartbeat")
        # The library leaves a line open that the other end was first to close, so it is closed here.
        async with line.stream, trio.open_nursery() as nursery:
            try:
                socket = await line.upgrade(nursery, "/api/realtime", access.token, queue=QUEUE)
                nursery.start_soon(self._watch, socket, nursery.cancel_scope)
                ended = await self._listen(socket)
                with trio.move_on_after(CLOSE_SECONDS):
                    await socket.aclose()
            except ConnectionRejected as refusal:
                ended = rejected(refusal.status_code, dict(refusal.headers or ()))
            except (HandshakeError, trio.TooSlowError) as error:
                ended = lost(str(error) or type(error).__name__)
            nursery.cancel_scope.cancel()
        return ended

    async def _listen(self, socket: WebSocketConnection) -> Ended:
        try:
            await self._join(socket)
            while True:
                await self._take(await self._frame(socket))
        except ConnectionClosed as closed:
            reason = closed.reason
            return lost("the connection broke") if reason is None else Ended(reason.code, reason.reason or "")
        except (Unreachable, Refused) as problem:
            return _only_if_it_passes(problem)

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

    async def _join(self, socket: WebSocketConnection) -> None:
        data: dict[str, Any] = {"workspaceId": self._workspace_id}
        if self.cursor is not None:
            data["since"] = attrs.asdict(self.cursor)
        await socket.send_message(orjson.dumps({"type": "join_workspace", "id": JOIN, "data": data}).decode())
        while (frame := await self._frame(socket)).get("id") != JOIN:
            # Before the reply comes what was missed; without a cursor nothing was.
            if self.cursor is not None:
                await self._take(frame)
        if frame.get("ok") is not True:
            raise Failure(f"the workspace cannot be followed: {_message(frame)}")
        place = frame["data"]
        now = Cursor(place["epoch"], place["seq"])
        await self._follower.joined(now, resumed=place["resumed"] is True)
        self.cursor = now

    async def _take(self, frame: dict[str, Any]) -> None:
        """Hand an event over, unless it was before."""
        assert self.cursor is not None
        seq = frame.get("seq")
        if frame.get("type") in ("hello", "reply", "error") or frame.get("workspaceId") != self._workspace_id:
            return
        if seq is None:
            await self._follower.event(frame, None)
        elif seq > self.cursor.seq:
            reached = Cursor(self.cursor.epoch, seq)
            await self._follower.event(frame, reached)
            self.cursor = reached

    async def _frame(self, socket: WebSocketConnection) -> dict[str, Any]:
        try:
            frame = orjson.loads(await socket.get_message())
        except orjson.JSONDecodeError as error:
            raise Failure(f"{self._api.access.url} does not speak Chatcore's protocol") from error
        if not isinstance(frame, dict):
            raise Failure(f"{self._api.access.url} does not speak Chatcore's protocol")
        return frame


def _plan(ended: Ended, attempt: int) -> Plan:
    """When to come back. Raises Failure when that is of no use."""
    try:
        return after(ended, attempt)
    except ChatError as hopeless:
        raise Failure(hopeless.message) from hopeless


def _only_if_it_passes(problem: Unreachable | Refused) -> Ended:
    """The problem as an end after which one comes back; raises it when that is of no use."""
    if isinstance(problem, Refused) and not problem.passes:
        raise problem
    return lost(problem.message)


def _message(frame: dict[str, Any]) -> str:
    error = frame.get("error")
    return str(error.get("message")) if isinstance(error, dict) else "the server gave no reason"
