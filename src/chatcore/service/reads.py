"""Read markers."""

import attrs

from chatcore.errors import NotFound
from chatcore.events import ReadUpdated
from chatcore.model import ReadState
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service.core import ChannelRef, Core, UserRef, id_of
from chatcore.service.messages import MessageRef


@attrs.frozen
class Reads:
    _core: Core

    async def mark(self, channel: ChannelRef, message: MessageRef, *, actor: UserRef) -> ReadState:
        """Move one's read marker to a message, forward or back.

        Raises NotFound, Forbidden for who is not in the channel.
        """
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_READ_MARK)
        channel_id, user_id = seat.channel.id, seat.user_id

        async def work(tx: Tx) -> tuple[ReadState, bool]:
            before = await tx.reads.get(channel_id, user_id)
            state = await tx.reads.move(channel_id, user_id, id_of(message))
            if state is None:
                raise NotFound.of("channel")
            if state != before:
                await tx.events.append(
                    ReadUpdated(
                        workspace_id=seat.workspace.workspace_id,
                        user_id=user_id,
                        channel_id=channel_id,
                        message_id=state.message_id,
                        read_seq=state.read_seq,
                        unread_count=state.unread_count,
                        mention_count=state.mention_count,
                    )
                )
            return state, state != before

        state, moved = await self._core.storage.write(work)
        if moved:
            self._core.hooks.did("read_moved", read=state)
        return state
