"""Full-text search over what the actor may read."""

import attrs

from chatcore.errors import ValidationFailed
from chatcore.ids import ChannelId, MessageId, UserId
from chatcore.model import MessagePage
from chatcore.policy import Action
from chatcore.ports import Search
from chatcore.service.core import ChannelRef, Core, UserRef, WorkspaceRef, id_of
from chatcore.service.messages import Messages, check_page

MAX_QUERY = 200


@attrs.frozen
class SearchService:
    _core: Core
    _messages: Messages

    async def find(
        self,
        workspace: WorkspaceRef,
        text: str,
        *,
        actor: UserRef,
        channel: ChannelRef | None = None,
        author: UserRef | None = None,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """Messages, replies too, that hold every word of `text` (quotes make phrases), newest first.

        Only channels that the actor may read are searched; `channel` and `author` narrow it further. Raises
        ValidationFailed.
        """
        if not text.strip() or len(text) > MAX_QUERY:
            raise ValidationFailed.of("q", f"must be 1 to {MAX_QUERY} characters")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationFailed.of("q", "remove the broken character (half of a surrogate pair)")
        check_page(before, after, limit)
        facts = await self._core.workspace(workspace, id_of(actor), Action.WORKSPACE_VIEW)
        channels: tuple[ChannelId, ...]
        if channel is None:
            channels = tuple(facts.readable(id_of(actor)))
        else:
            seat = await self._core.seat(channel, id_of(actor))
            channels = (seat.channel.id,) if seat.workspace is facts else ()
        query = Search(
            text=text,
            channels=channels,
            author_id=None if author is None else UserId(id_of(author)),
            before=before,
            after=after,
            limit=limit,
        )
        page = await self._core.storage.read(lambda tx: tx.messages.search(query), about=facts.workspace_id)
        return attrs.evolve(page, messages=await self._messages.shown(page.messages, id_of(actor)))
