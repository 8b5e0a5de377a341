"""People who listen, as programs do: through `subscribe`, with a state that follows the events."""

import attrs
import trio

from chatcore.chat import Chat
from chatcore.events import Event
from chatcore.ids import UserId
from chatcore.model import Position, Workspace
from chatcore.state import State, apply


@attrs.define(eq=False)
class Ear:
    """One person's subscription. `fresh` is what came since it was asked the last time."""

    chat: Chat
    user_id: UserId
    workspace: Workspace
    state: State
    position: Position | None = None
    ended: bool = False
    heard: list[Event] = attrs.field(factory=list)
    fresh: list[Event] = attrs.field(factory=list)
    _scope: trio.CancelScope | None = None

    @property
    def listening(self) -> bool:
        return self._scope is not None and not self.ended

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hear what comes from now on, or, when it has listened before, from where it stopped."""
        with trio.CancelScope() as self._scope:
            async with self.chat.subscribe(self.user_id, self.workspace, since=self.position) as subscription:
                self.position = subscription.position
                task_status.started()
                async for event in subscription:
                    self.heard.append(event)
                    self.fresh.append(event)
                    self.position = subscription.position
                self.ended = True
        self._scope = None

    def stop(self) -> None:
        """Hear nothing for a while."""
        assert self._scope is not None
        self._scope.cancel()

    def follow(self) -> list[Event]:
        """Bring the state forward; what was heard since the last time."""
        heard, self.fresh = self.fresh, []
        for event in heard:
            self.state = apply(self.state, event)
        return heard

    def check_order(self) -> None:
        """Each durable event once, by rising seq."""
        seqs = [event.seq for event in self.heard if event.durable]
        assert seqs == sorted(set(seqs))
        assert 0 not in seqs
