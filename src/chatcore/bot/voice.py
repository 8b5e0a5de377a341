"""A bot in a huddle: `async with bot.huddle(channel) as call: await call.play("hello.opus")`.

What speaks and listens is an installed package's affair, which is found by entry point (`chat_voice_webrtc`'s, with the
extra `voice`); where the huddle is, and how one joins it, is the `Home`'s.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import entry_points
from os import PathLike
from typing import Any, Protocol
from uuid import uuid4

import attrs
import trio

from chatcore.bot.place import Home
from chatcore.errors import ChatError, NotFound, Unavailable
from chatcore.events import HuddleRejoin
from chatcore.ids import ChannelId, HuddleId

GROUP = "chatcore.bot_voice"
"""Entry points: `open_call(join, slots=…)`, a context manager of a `VoiceCall`."""
LEAVE_SECONDS = 5.0

Description = Mapping[str, str]
"""`{"type": "offer" | "answer", "sdp": …}`."""


class VoiceFrame(Protocol):
    """What was heard in a slot: 16-bit samples of one channel at 48 kHz, and when they began, in samples."""

    slot: str
    at: int
    samples: bytes


class VoiceCall(Protocol):
    """A bot's place in a huddle. It joins again by itself when its connection, the media or the server was lost."""

    async def play(self, file: str | PathLike[str]) -> None:
        """Play an audio file to its end. Raises OSError, and Unavailable when the huddle is over."""
        ...

    def listen(self) -> AsyncIterator[VoiceFrame]:
        """What the others say, until the huddle is over."""
        ...

    def rejoin(self) -> None:
        """Join again, soon."""
        ...


@attrs.define(eq=False)
class Calls:
    """The huddles that a bot is in, and where it lives while it runs."""

    home: Home | None = None
    _open: dict[HuddleId, list[tuple[str, VoiceCall]]] = attrs.field(factory=dict)

    def heard(self, event: HuddleRejoin) -> None:
        """Somebody is to join again: the whole huddle, or one device."""
        for device_id, call in self._open.get(event.huddle_id, ()):
            if event.device_id in (None, device_id):
                call.rejoin()

    @asynccontextmanager
    async def open(self, channel: ChannelId, slots: int) -> AsyncIterator[VoiceCall]:
        """See `Bot.huddle`."""
        home = self.home
        if home is None:
            raise RuntimeError("the bot does not run yet: use huddle() in a handler")
        open_call, device_id = installed(), f"bot-{uuid4().hex[:12]}"
        huddle_id = await home.huddle(channel)

        async def join(offer: Description) -> Description:
            answer = await home.join_huddle(huddle_id, device_id, offer)
            if answer is None:
                raise NotFound("The media of this huddle goes from peer to peer: start it with mode `sfu`.")
            return answer

        try:
            async with open_call(join, slots=slots) as call:
                calls = self._open.setdefault(huddle_id, [])
                calls.append((device_id, call))
                try:
                    yield call
                finally:
                    calls.remove((device_id, call))
                    if not calls:
                        del self._open[huddle_id]
        finally:
            with trio.move_on_after(LEAVE_SECONDS, shield=True):
                try:
                    await home.leave_huddle(huddle_id, device_id)
                except ChatError:  # it is over, or the server is away: the device is missed there in some seconds
                    pass


OpenCall = Callable[..., AbstractAsyncContextManager[VoiceCall]]
Join = Callable[[Description], Awaitable[Description]]


def installed() -> OpenCall:
    """What can speak and listen. Raises Unavailable."""
    for point in entry_points(group=GROUP):
        try:
            found: Any = point.load()
        except ImportError:
            continue
        return found  # type: ignore[no-any-return]
    raise Unavailable("Nothing is installed that speaks in huddles: pip install 'chatcore[voice]'")
