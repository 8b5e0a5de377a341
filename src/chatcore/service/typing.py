"""Typing indicators: said, never stored."""

import attrs

from chatcore.events import Typing
from chatcore.policy import Action
from chatcore.service.core import ChannelRef, Core, UserRef, id_of


@attrs.frozen
class TypingIndicators:
    _core: Core

    async def set(self, channel: ChannelRef, is_typing: bool, *, actor: UserRef) -> None:
        """Tell the channel that somebody is typing, or has stopped.

        Clients let it lapse by themselves after some seconds.
        """
        seat = await self._core.allowed(channel, id_of(actor), Action.TYPING)
        self._core.hub.announce(
            Typing(
                workspace_id=seat.workspace.workspace_id,
                channel_id=seat.channel.id,
                user_id=seat.user_id,
                user=await self._core.cards.get(seat.user_id),
                is_typing=is_typing,
            )
        )
