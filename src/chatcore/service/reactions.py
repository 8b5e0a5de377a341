"""Reactions, and the emoji that are offered first."""

import attrs

from chatcore import text
from chatcore.errors import NotFound, ValidationFailed
from chatcore.events import ReactionAdded, ReactionRemoved
from chatcore.model import EmojiPreset, Message, Reaction
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service.core import Core, Seat, UserRef, id_of
from chatcore.service.messages import MessageRef, Messages

MAX_EMOJIS = 50
"""Distinct emoji on one message, as Slack has it."""


@attrs.frozen
class Reactions:
    _core: Core
    _messages: Messages

    async def add(self, message: MessageRef, emoji: str, *, actor: UserRef) -> Message:
        """React to a message; doing it again changes nothing. Returns the message as it is now."""
        emoji = text.clean_emoji(emoji)
        target, seat = await self._reactable(message, actor)
        reaction = Reaction(message_id=target.id, user_id=seat.user_id, emoji=emoji, created_at=self._core.clock.now())
        await self._core.hooks.filter("reaction_will_add", reaction=reaction, message=target)
        event = ReactionAdded(
            workspace_id=seat.workspace.workspace_id,
            channel_id=target.channel_id,
            message_id=target.id,
            emoji=emoji,
            user_id=seat.user_id,
            user=await self._core.cards.get(seat.user_id),
        )

        async def work(tx: Tx) -> tuple[Message, bool]:
            present = await tx.messages.emojis(target.id)
            if emoji not in present and len(present) >= MAX_EMOJIS:
                raise ValidationFailed.of("emoji", f"a message has at most {MAX_EMOJIS} different reactions")
            added = await tx.messages.react(reaction)
            if added:
                await tx.events.append(event)
            return await _again(tx, target), added

        new, added = await self._core.storage.write(work)
        if added:
            self._core.hooks.did("reaction_added", reaction=reaction, channel_id=target.channel_id)
        return new

    async def remove(self, message: MessageRef, emoji: str, *, actor: UserRef) -> Message:
        """Take one's reaction back; without one this changes nothing. Returns the message as it is now."""
        emoji = text.clean_emoji(emoji)
        target, seat = await self._reactable(message, actor)
        event = ReactionRemoved(
            workspace_id=seat.workspace.workspace_id,
            channel_id=target.channel_id,
            message_id=target.id,
            emoji=emoji,
            user_id=seat.user_id,
            user=await self._core.cards.get(seat.user_id),
        )

        async def work(tx: Tx) -> tuple[Message, bool]:
            removed = await tx.messages.unreact(target.id, seat.user_id, emoji)
            if removed:
                await tx.events.append(event)
            return await _again(tx, target), removed

        new, removed = await self._core.storage.write(work)
        if removed:
            reaction = Reaction(
                message_id=target.id, user_id=seat.user_id, emoji=emoji, created_at=self._core.clock.now()
            )
            self._core.hooks.did("reaction_removed", reaction=reaction, channel_id=target.channel_id)
        return new

    async def presets(self) -> list[EmojiPreset]:
        """The emoji that a client offers first, in their order."""
        found = await self._core.storage.read(lambda tx: tx.presets.find())
        return sorted(found, key=lambda preset: preset.sort_order)

    async def _reactable(self, message: MessageRef, actor: UserRef) -> tuple[Message, Seat]:
        target = await self._messages.get(message, actor=actor)
        seat = await self._core.allowed(target.channel_id, id_of(actor), Action.REACTION_CHANGE)
        return target, seat


async def _again(tx: Tx, message: Message) -> Message:
    found = await tx.messages.get(message.id)
    if found is None:
        raise NotFound.of("message")
    return found
