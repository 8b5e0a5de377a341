"""Who waits for whose answer: per person and channel (and thread), one dialog at a time.

An answer is the first message behind the question that is no command. It may have come before anybody waits for it: a
bot that was killed in a dialog begins it again, its question is there already (sent under the same name), and so is the
answer, which was read while the handler had not come so far. That is why the last messages of each person are kept.
"""

from collections import OrderedDict, deque

import attrs
import trio

from chatcore.bot.errors import Cancelled
from chatcore.ids import MessageId
from chatcore.model import Message

KEPT = 20
MAX_LANES = 1000

Lane = tuple[str, str, MessageId | None]
"""Channel, person, thread."""


def lane_of(message: Message) -> Lane:
    """Where a message was said, and by whom."""
    return message.channel_id, message.user_id, message.thread_id


@attrs.define(eq=False)
class Waiting:
    """Somebody who waits for the first message behind `after` (None: the question is on its way)."""

    after: int | None = None
    answer: Message | None = None
    called_off: bool = False
    news: trio.Event = attrs.field(factory=trio.Event)

    async def result(self) -> Message:
        """The answer, once it is there. Raises Cancelled."""
        await self.news.wait()
        if self.answer is None:
            raise Cancelled("")
        return self.answer


@attrs.define(eq=False)
class Held:
    """A message of somebody whose handler is at work, and may be about to ask something: whose it is will be seen."""

    message: Message
    is_answer: bool = False
    settled: trio.Event = attrs.field(factory=trio.Event)


class Dialogs:
    """The dialogs in one workspace."""

    def __init__(self) -> None:
        self._at_work: dict[Lane, int] = {}
        self._held: dict[Lane, list[Held]] = {}
        self._waiting: dict[Lane, Waiting] = {}
        self._recent: OrderedDict[Lane, deque[Message]] = OrderedDict()

    def heard(self, message: Message) -> bool:
        """A message that is no command; True when it is somebody's answer."""
        lane = lane_of(message)
        recent = self._recent.setdefault(lane, deque(maxlen=KEPT))
        self._recent.move_to_end(lane)
        if len(self._recent) > MAX_LANES:
            self._recent.popitem(last=False)
        recent.append(message)
        waiting = self._waiting.get(lane)
        if waiting is None or waiting.after is None or waiting.answer is not None:
            return waiting is not None
        return self._take(lane, waiting)

    def enter(self, lane: Lane) -> None:
        """A handler is at work for somebody."""
        self._at_work[lane] = self._at_work.get(lane, 0) + 1

    def leave(self, lane: Lane) -> None:
        """It is done, or waits for an answer."""
        self._at_work[lane] -= 1
        if not self._at_work[lane]:
            del self._at_work[lane]
            for held in self._held.pop(lane, ()):
                self._settle(held)

    def hold(self, message: Message) -> Held | None:
        """Put a message aside while a handler is at work for its author; None: nothing is in its way."""
        lane = lane_of(message)
        if lane not in self._at_work and lane not in self._held:
            return None
        held = Held(message)
        self._held.setdefault(lane, []).append(held)
        return held

    def release(self, held: Held) -> None:
        """It was held for long enough."""
        lane = lane_of(held.message)
        others = [each for each in self._held.get(lane, ()) if each is not held]
        if held.settled.is_set():
            return
        self._held.pop(lane, None)
        if others:
            self._held[lane] = others
        self._settle(held)

    def _settle(self, held: Held) -> None:
        held.is_answer = self.heard(held.message)
        held.settled.set()

    def call_off(self, lane: Lane) -> bool:
        """End the dialog; whether there was one."""
        waiting = self._waiting.pop(lane, None)
        if waiting is not None:
            waiting.called_off = True
            waiting.news.set()
        return waiting is not None

    def begin(self, lane: Lane) -> Waiting:
        """Wait from now on, instead of whoever waits there."""
        self.call_off(lane)
        waiting = self._waiting[lane] = Waiting()
        return waiting

    def asked(self, lane: Lane, waiting: Waiting, seq: int) -> None:
        """The question stands at `seq`."""
        waiting.after = seq
        self._take(lane, waiting)

    def end(self, lane: Lane, waiting: Waiting) -> None:
        """Nobody waits any more."""
        if self._waiting.get(lane) is waiting:
            del self._waiting[lane]

    def _take(self, lane: Lane, waiting: Waiting) -> bool:
        recent = self._recent.get(lane, deque())
        for message in recent:
            if waiting.after is not None and message.seq > waiting.after:
                recent.remove(message)
                waiting.answer = message
                waiting.news.set()
                return True
        return False
