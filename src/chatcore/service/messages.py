"""Messages: send, edit, delete, read."""

from collections.abc import Sequence

import attrs

from chatcore import text
from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import MessageDeleted, MessageReceived, MessageUpdated
from chatcore.ids import AttachmentId, MessageId, UserId, is_id
from chatcore.model import Attachment, AuditEntry, Draft, Message, MessagePage
from chatcore.policy import Action
from chatcore.ports import Post, Tx, seal
from chatcore.service.commands import Commands
from chatcore.service.core import ChannelRef, Core, Seat, UserRef, id_of, mentions_in
from chatcore.service.facts import Facts

MAX_PAGE = 100
MAX_TEMP_ID = 64
MAX_ATTACHMENTS = 10

MessageRef = Message | MessageId


@attrs.frozen
class Messages:
    """Every method raises NotFound for what the actor may not see, Forbidden for what they may see but not do."""

    _core: Core
    _commands: Commands

    async def send(
        self,
        channel: ChannelRef,
        *,
        author: UserRef,
        content: str,
        thread_id: MessageId | None = None,
        temp_id: str | None = None,
        attachment_ids: Sequence[AttachmentId] = (),
    ) -> Message:
        """Send a message; when this returns it is durable.

        One that is a slash command of a plugin is run instead: nothing is stored, and the message returned, whose `seq`
        is 0, is the plugin's answer, which nobody else gets.

        `thread_id` makes it a reply to that top-level message. A `temp_id` (≤ 64 characters) sent again by the same
        author to the same channel returns the first message, and nobody gets it twice. Raises ValidationFailed,
        Rejected, Unavailable too.
        """
        content = text.clean_content(content)
        _check_references(thread_id, temp_id, attachment_ids)
        seat = await self._core.allowed(channel, id_of(author), Action.MESSAGE_SEND)
        if content[0] == "/":
            answer = await self._commands.answer(content, seat, thread_id, temp_id)
            if answer is not None:
                return answer
        draft = Draft(
            id=MessageId(self._core.new_id()),
            workspace_id=seat.workspace.workspace_id,
            channel_id=seat.channel.id,
            author_id=seat.user_id,
            content=content,
            thread_id=thread_id,
            temp_id=temp_id,
            attachment_ids=tuple(attachment_ids),
        )
        filtered = await self._core.hooks.filter("message_will_send", value=draft)
        if filtered is not draft:
            draft = attrs.evolve(filtered, content=text.clean_content(filtered.content))
        async with self._core.hooks.around("around_message_send", draft=draft):
            posted = await self._core.storage.post(await self._post(draft, seat))
        if not posted.duplicate:
            self._core.hooks.did("message_sent", message=posted.message, workspace_id=seat.workspace.workspace_id)
        return posted.message

    async def _post(self, draft: Draft, seat: Seat) -> Post:
        mentions, everyone = mentions_in(draft.content, seat.channel.members)
        message = Message(
            id=draft.id,
            channel_id=draft.channel_id,
            user_id=draft.author_id,
            user=await self._core.cards.get(draft.author_id),
            content=draft.content,
            thread_id=draft.thread_id,
            attachments=await self._attachments(draft),
            mentions=mentions,
            mentions_all=everyone,
            temp_id=draft.temp_id,
            created_at=self._core.clock.now(),
        )
        event = MessageReceived(workspace_id=draft.workspace_id, message=message)
        return Post(message=message, envelope=seal(event), attachment_ids=draft.attachment_ids)

    async def _attachments(self, draft: Draft) -> tuple[Attachment, ...]:
        if not draft.attachment_ids:
            return ()

        async def find(tx: Tx) -> list[Attachment | None]:
            return [await tx.attachments.get(attachment_id) for attachment_id in draft.attachment_ids]

        found = await self._core.storage.read(find)
        good = [row for row in found if row is not None and _postable(row, draft)]
        if len(good) != len(set(draft.attachment_ids)):
            raise _no_attachment()
        return tuple(attrs.evolve(row, message_id=draft.id) for row in good)

    async def edit(self, message: MessageRef, *, actor: UserRef, content: str) -> Message:
        """Change the text of one's own message. Saying the same again changes nothing."""
        content = text.clean_content(content)
        old, seat = await self._mine_to(Action.MESSAGE_EDIT, id_of(message), id_of(actor))
        if old.kind is not None:
            raise Forbidden("Nobody wrote this message: it can be deleted, but not edited.")
        proposed = attrs.evolve(old, content=content)
        proposed = await self._core.hooks.filter("message_will_edit", value=proposed, before=old, user_id=seat.user_id)
        content = text.clean_content(proposed.content)
        if content == old.content:
            return old
        mentions, everyone = mentions_in(content, seat.channel.members)
        edited_at = self._core.clock.now()
        event = MessageUpdated(
            workspace_id=seat.workspace.workspace_id,
            channel_id=old.channel_id,
            message_id=old.id,
            thread_id=old.thread_id,
            content=content,
            mentions=mentions,
            mentions_all=everyone,
            edited_at=edited_at,
        )

        async def work(tx: Tx) -> Message:
            await tx.messages.edit(old.id, content, mentions, everyone, edited_at)
            await tx.events.append(event)
            return _found(await tx.messages.get(old.id))

        new = await self._core.storage.write(work)
        self._core.hooks.did("message_edited", message=new, workspace_id=seat.workspace.workspace_id)
        return new

    async def delete(self, message: MessageRef, *, actor: UserRef) -> None:
        """Delete a message; a thread's first message takes its replies with it. The text leaves the event log too."""
        old, seat = await self._mine_to(Action.MESSAGE_DELETE, id_of(message), id_of(actor))
        await self._core.hooks.filter("message_will_delete", message=old, user_id=seat.user_id)
        entry = self._deleted(old, seat)

        async def work(tx: Tx, told: Facts) -> None:
            gone = await tx.messages.delete(old.id)
            await tx.events.append(
                MessageDeleted(
                    workspace_id=seat.workspace.workspace_id,
                    channel_id=old.channel_id,
                    message_id=old.id,
                    thread_id=old.thread_id,
                    message_seq=gone.message_seq,
                    mentioned=gone.mentioned,
                )
            )
            told.did("message_deleted", message=old, workspace_id=seat.workspace.workspace_id, user_id=seat.user_id)
            if old.user_id != seat.user_id:
                await told.record(tx, entry)

        await self._core.write(work)

    def _deleted(self, message: Message, seat: Seat) -> AuditEntry:
        return self._core.audit(
            "message.deleted",
            actor=seat.user_id,
            workspace=seat.workspace.workspace_id,
            target=message.id,
            details={"authorId": message.user_id},
        )

    async def get(self, message: MessageRef, *, actor: UserRef) -> Message:
        """One message."""
        found, _ = await self._visible(id_of(message), id_of(actor))
        (shown,) = await self.shown((found,), id_of(actor))
        return shown

    async def history(
        self,
        channel: ChannelRef,
        *,
        actor: UserRef,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """Top-level messages of a channel, newest first; with `after` those that follow it, oldest first."""
        check_page(before, after, limit)
        seat = await self._core.allowed(channel, id_of(actor), Action.CHANNEL_VIEW)
        page = await self._core.storage.read(
            lambda tx: tx.messages.page(seat.channel.id, before=before, after=after, limit=limit),
            about=seat.workspace.workspace_id,
        )
        return attrs.evolve(page, messages=await self.shown(page.messages, seat.user_id))

    async def thread(
        self,
        message: MessageRef,
        *,
        actor: UserRef,
        before: MessageId | None = None,
        after: MessageId | None = None,
        limit: int = 50,
    ) -> MessagePage:
        """The replies to a message, oldest first."""
        check_page(before, after, limit)
        root, seat = await self._visible(id_of(message), id_of(actor))
        page = await self._core.storage.read(
            lambda tx: tx.messages.thread(root.id, before=before, after=after, limit=limit),
            about=seat.workspace.workspace_id,
        )
        return attrs.evolve(page, messages=await self.shown(page.messages, id_of(actor)))

    async def shown(self, messages: tuple[Message, ...], reader: UserId) -> tuple[Message, ...]:
        """The messages as plugins let this reader see them: one hook call for the whole page."""
        if not messages or not self._core.hooks.has("messages_will_deliver"):
            return messages
        return tuple(await self._core.hooks.filter("messages_will_deliver", value=messages, user_id=reader))

    async def _mine_to(self, action: Action, message_id: MessageId, user_id: UserId) -> tuple[Message, Seat]:
        message, _ = await self._visible(message_id, user_id)
        seat = await self._core.allowed(message.channel_id, user_id, action, owns=message.user_id == user_id)
        return message, seat

    async def _visible(self, message_id: MessageId, user_id: UserId) -> tuple[Message, Seat]:
        hidden = self._core.directory.hidden_from(user_id)

        async def work(tx: Tx) -> Message | None:
            # What is hidden is not read, or the time that it takes would tell it from what does not exist.
            channel_id = await tx.messages.channel_of(message_id)
            return None if channel_id is None or hidden(channel_id) else await tx.messages.get(message_id)

        message = _found(await self._core.storage.read(work))
        try:
            return message, await self._core.allowed(message.channel_id, user_id, Action.CHANNEL_VIEW)
        except NotFound:
            raise NotFound.of("message") from None


def check_page(before: object, after: object, limit: int) -> None:
    """Raises ValidationFailed for a page that makes no sense."""
    for field, cursor in (("before", before), ("after", after)):
        if cursor is not None and not (isinstance(cursor, str) and is_id(cursor)):
            raise ValidationFailed.of(field, "must be the id of a message")
    if before is not None and after is not None:
        raise ValidationFailed.of("after", "cannot be combined with before: page in one direction")
    if not 1 <= limit <= MAX_PAGE:
        raise ValidationFailed.of("limit", f"must be 1 to {MAX_PAGE}")


def _check_references(thread_id: MessageId | None, temp_id: str | None, attachment_ids: Sequence[AttachmentId]) -> None:
    if thread_id is not None and not is_id(thread_id):
        raise NotFound.of("message")
    if temp_id is not None and not (1 <= len(temp_id) <= MAX_TEMP_ID and temp_id.isprintable()):
        raise ValidationFailed.of("tempId", f"must be 1 to {MAX_TEMP_ID} printable characters")
    if len(attachment_ids) > MAX_ATTACHMENTS:
        raise ValidationFailed.of("attachmentIds", f"must be at most {MAX_ATTACHMENTS}")
    if not all(is_id(attachment_id) for attachment_id in attachment_ids):
        raise _no_attachment()


def _no_attachment() -> NotFound:
    return NotFound("An attachment does not exist, is not yours, or hangs on another message: upload it again.")


def _found(message: Message | None) -> Message:
    if message is None:
        raise NotFound.of("message")
    return message


def _postable(attachment: Attachment, draft: Draft) -> bool:
    return (
        attachment.uploaded_by == draft.author_id
        and attachment.workspace_id == draft.workspace_id
        and attachment.message_id is None
    )
