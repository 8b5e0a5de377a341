"""One connection's state, without I/O: texts, time and outcomes in, actions out.

    new ──sign-in──► signed in ──► closed          new for at most 5 s; `stopping` lets what was begun come to its end

Whoever drives it (`connection`) tells the time with each call, does what the actions say, and carries out the turns
that `begin` hands over. Deadlines are data: `deadline` says when `tick` wants to be called next.
"""

import math
from collections.abc import Sequence

import attrs

from chatcore.errors import ChatError, Forbidden, RateLimited, Unauthorized, ValidationFailed
from chatcore.ids import ChannelId, SessionId, UserId, WorkspaceId
from chatcore.model import TokenScope
from chatserver.gateway import answers
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.flow import Flow, Pace
from chatserver.gateway.frames import (
    Authenticate,
    ClientFrame,
    JoinWorkspace,
    NotAnObject,
    SendMessage,
    frame_id,
    read_frame,
    read_object,
)
from chatserver.gateway.pipeline import Pipeline, Turn

SIGN_IN_SECONDS = 5.0
PING_SECONDS = 25.0
PONG_SECONDS = 10.0
STOP_SECONDS = 5.0
"""How long a stop waits for what was begun."""
MAX_WORKSPACES = 100
"""Joined by one socket at a time."""
_MAX_WARM = 256


@attrs.frozen
class Send:
    """Write this text."""

    payload: bytes


@attrs.frozen
class Close:
    code: CloseCode
    reason: str


@attrs.frozen
class Ping:
    pass


@attrs.frozen
class Begin:
    """There are turns to begin."""


Action = Send | Close | Ping | Begin
Actions = Sequence[Action]
_BEGIN: Actions = (Begin(),)
_PING: Actions = (Ping(),)


@attrs.frozen
class SignIn:
    """Who somebody proved to be; `lasts` seconds from now, None: until it is revoked."""

    user_id: UserId
    session_id: SessionId | None = None
    lasts: float | None = None
    scopes: frozenset[TokenScope] | None = None


class Protocol:
    """See the module."""

    __slots__ = (
        "_closed",
        "_expires",
        "_flow",
        "_goodbye",
        "_overlap",
        "_ping_at",
        "_pipeline",
        "_pong_by",
        "_reading",
        "_sign_in_by",
        "_signing",
        "_stop_by",
        "_warm",
        "sign_in",
        "workspaces",
    )

    def __init__(self, now: float, *, pings: bool = True, pace: Pace | None = None, overlap: bool = False) -> None:
        """`overlap`: messages of one socket may be sent side by side, because nothing can make them change places."""
        self.sign_in: SignIn | None = None
        self.workspaces: set[WorkspaceId] = set()
        self._pipeline = Pipeline()
        self._flow = Flow(pace, now) if pace is not None else None
        self._overlap = overlap
        self._warm: set[ChannelId] = set()
        """Channels that this socket has sent to: all that is needed for the next message is in memory."""
        self._signing = False
        self._reading = True
        self._closed = False
        self._sign_in_by = now + SIGN_IN_SECONDS
        self._ping_at = now + PING_SECONDS if pings else math.inf
        self._pong_by = math.inf
        self._expires = math.inf
        self._goodbye = "the server restarts"
        self._stop_by = math.inf

    # --- what the driver asks --------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When to call `tick`, on the clock of `now`."""
        if self._closed:
            return math.inf
        return min(self._sign_in_by, self._ping_at, self._pong_by, self._expires, self._stop_by)

    @property
    def full(self) -> bool:
        """Whether to stop reading until something was carried out."""
        return self._pipeline.full and not self._closed

    @property
    def ready(self) -> bool:
        """Whether a turn may begin now."""
        return self._pipeline.ready

    def begin(self) -> Turn | None:
        """The next frame to be carried out, if one may begin now; then `done` or `failed` must follow."""
        return self._pipeline.begin()

    # --- what comes in ---------------------------------------------------------------------------------------------

    def received(self, frames: int, size: int, now: float) -> Actions:
        """So many frames of all kinds arrived, of so many bytes."""
        if self._flow is None or self._closed:
            return ()
        early = self._flow.take(frames, size, now)
        if early == 0:
            return ()
        wait = math.ceil(early)
        error = RateLimited(f"Too many frames: connect again in {wait} seconds, and send less.", wait)
        return self.turned_away(error)

    def turned_away(self, error: RateLimited) -> Actions:
        """There is too much of this: end, and say when to come back."""
        return Send(answers.refusal(None, error)), *self._close(CloseCode.TOO_MANY, f"retryAfter={error.retry_after}")

    def text(self, text: str) -> Actions:
        """A text frame."""
        if self._closed or self._stop_by != math.inf:
            return ()
        try:
            data = read_object(text)
        except NotAnObject as error:
            return self._close(CloseCode.NOT_AN_OBJECT, str(error))
        known: str | None = None
        try:
            known = frame_id(data)
            frame = read_frame(data)
        except ValidationFailed as error:
            return (Send(answers.refusal(known, error)),)
        return self._accept(frame, known)

    def _accept(self, frame: ClientFrame, known: str | None) -> Actions:
        if self.sign_in is None and not self._signing:
            if not proves_identity(frame):
                error = Unauthorized("Sign in first: send authenticate, or join_workspace with an accessToken.")
                return Send(answers.refusal(known, error)), *self._close(CloseCode.SIGN_IN, "sign in first")
            self._signing, self._sign_in_by = True, math.inf
        self._pipeline.add(Turn(frame, known, self._may_overlap(frame)))
        return _BEGIN

    def _may_overlap(self, frame: ClientFrame) -> bool:
        return (
            self._overlap
            and isinstance(frame, SendMessage)
            and frame.channel_id in self._warm
            and not frame.attachment_ids
        )

    def pong(self) -> None:
        """A sign of life."""
        self._pong_by = math.inf

    def reading(self, reading: bool) -> None:
        """Whether the driver reads: while it does not, a missing pong is not the peer's fault."""
        self._reading = reading

    def tick(self, now: float) -> Actions:
        """Time has passed."""
        if self._closed:
            return ()
        if now >= self._stop_by:
            return self._close(CloseCode.RESTART, self._goodbye)
        if now >= self._sign_in_by:
            return self._close(CloseCode.SIGN_IN_LATE, f"sign in within {SIGN_IN_SECONDS:.0f} s")
        if now >= self._expires:
            return self._close(CloseCode.SIGN_IN, "the sign-in has expired: send authenticate in time")
        if now >= self._pong_by:
            if self._reading:
                return self._close(CloseCode.NO_HEARTBEAT, "no pong")
            self._pong_by = now + PONG_SECONDS
        if now >= self._ping_at:
            self._ping_at, self._pong_by = now + PING_SECONDS, now + PONG_SECONDS
            return _PING
        return ()

    # --- outcomes --------------------------------------------------------------------------------------------------

    def signed_in(self, sign_in: SignIn, now: float) -> None:
        """Somebody proved who they are, for the first time or again. Raises Forbidden when it is somebody else, or the
        same with a token for something else: which events a socket gets is decided as it joins.
        """
        if self.sign_in is not None and sign_in.user_id != self.sign_in.user_id:
            raise Forbidden("This connection belongs to another account: open a connection of your own.")
        if self.sign_in is not None and sign_in.scopes != self.sign_in.scopes:
            raise Forbidden("This token has other scopes than the one before: open another connection with it.")
        self.sign_in = sign_in
        self._signing, self._sign_in_by = False, math.inf
        self._expires = math.inf if sign_in.lasts is None else now + max(0.0, sign_in.lasts)

    def check_room(self, workspace_id: WorkspaceId) -> None:
        """Raises Forbidden when the socket is in too many workspaces already."""
        if len(self.workspaces) >= MAX_WORKSPACES and workspace_id not in self.workspaces:
            raise Forbidden(f"One connection may join {MAX_WORKSPACES} workspaces: leave one, or open another.")

    def done(self, turn: Turn, data: bytes) -> Actions:
        """The turn was carried out; `data` is the JSON of its reply."""
        if isinstance(turn.frame, SendMessage):
            if len(self._warm) >= _MAX_WARM:
                self._warm.clear()
            self._warm.add(turn.frame.channel_id)
        return self._finish(turn, None if turn.id is None else answers.reply(turn.id, data))

    def failed(self, turn: Turn, error: ChatError, now: float) -> Actions:
        """The turn was refused, or failed."""
        actions = self._finish(turn, answers.refusal(turn.id, error))
        if self.sign_in is None and self._signing and proves_identity(turn.frame):
            self._signing, self._sign_in_by = False, now + SIGN_IN_SECONDS
            if isinstance(error, Unauthorized):
                return *actions, *self._close(CloseCode.SIGN_IN, "the access token is not good")
            if isinstance(error, RateLimited):
                return *actions, *self._close(CloseCode.TOO_MANY, f"retryAfter={error.retry_after}")
        return actions

    def _finish(self, turn: Turn, answer: bytes | None) -> Actions:
        due = self._pipeline.finish(turn, answer)
        if self._closed:
            return ()
        actions: list[Action] = [Send(payload) for payload in due]
        if self._stop_by != math.inf and self._pipeline.idle:
            actions += self._close(CloseCode.RESTART, self._goodbye)
        return actions

    # --- the end ---------------------------------------------------------------------------------------------------

    def revoked(self) -> Actions:
        """The session was revoked: it ends now."""
        return self._close(CloseCode.REVOKED, "the session was revoked")

    def close(self, code: CloseCode, reason: str) -> Actions:
        """End for another reason."""
        return self._close(code, reason)

    def stop(self, now: float, come_back: int = 0) -> Actions:
        """The server stops: take nothing more, answer what was begun, then say goodbye.

        come_back: after how many seconds the client should, at the earliest.
        """
        if self._closed or self._stop_by != math.inf:
            return ()
        self._stop_by = now + STOP_SECONDS
        if come_back:
            self._goodbye += f"; retryAfter={come_back}"
        return self.tick(self._stop_by) if self._pipeline.idle else ()

    def closed(self) -> None:
        """The socket is gone. What it said before is still carried out: the goodbye may be right behind the message."""
        self._closed = True

    def _close(self, code: CloseCode, reason: str) -> Actions:
        if self._closed:
            return ()
        self._closed = True
        self._pipeline.forget()
        return (Close(code, reason),)


def proves_identity(frame: ClientFrame) -> bool:
    """Whether a frame carries a token."""
    return isinstance(frame, Authenticate) or (isinstance(frame, JoinWorkspace) and frame.access_token is not None)
