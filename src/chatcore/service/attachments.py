"""What is known about uploaded files; the bytes are the files port's affair."""

import attrs

from chatcore import text
from chatcore.errors import NotFound, PayloadTooLarge, ValidationFailed
from chatcore.ids import AttachmentId, ChannelId
from chatcore.model import Attachment
from chatcore.policy import Action
from chatcore.ports import Tx
from chatcore.service.core import Core, UserRef, WorkspaceRef, id_of

MAX_FILENAME = 255
MAX_MIME = 100


@attrs.frozen
class Attachments:
    _core: Core

    async def register(
        self,
        workspace: WorkspaceRef,
        *,
        uploader: UserRef,
        filename: str,
        mime_type: str,
        size: int,
    ) -> Attachment:
        """Note an upload (`size` in bytes), which its uploader may then post.

        Raises ValidationFailed, PayloadTooLarge.
        """
        facts = await self._core.workspace(workspace, id_of(uploader), Action.WORKSPACE_VIEW)
        if size < 1:
            raise ValidationFailed.of("size", "must be at least one byte")
        if size > self._core.config.max_file_size:
            raise PayloadTooLarge.of("size", f"must be at most {self._core.config.max_file_size} bytes")
        original = text.clean_line(filename, "filename", MAX_FILENAME)
        new_id = AttachmentId(self._core.new_id())
        row = Attachment(
            id=new_id,
            workspace_id=facts.workspace_id,
            # A path in the name must lead nowhere.
            filename=original.replace("\\", "/").rpartition("/")[2] or "file",
            original_filename=original,
            mime_type=text.clean_line(mime_type, "mimeType", MAX_MIME),
            size=size,
            url=f"/api/files/{new_id}",
            uploaded_by=id_of(uploader),
            created_at=self._core.clock.now(),
        )
        await self._core.storage.write(lambda tx: tx.attachments.insert(row))
        return row

    async def get(self, attachment: Attachment | AttachmentId, *, actor: UserRef) -> Attachment:
        """What is known about a file: for its uploader, and for those who may read its message. Raises NotFound."""
        attachment_id, user_id = id_of(attachment), id_of(actor)
        hidden = self._core.directory.hidden_from(user_id)

        async def work(tx: Tx) -> tuple[Attachment | None, ChannelId | None]:
            row = await tx.attachments.get(attachment_id)
            channel_id = None
            if row is not None and row.message_id is not None:
                channel_id = await tx.messages.channel_of(row.message_id)
                if channel_id is None or hidden(channel_id):
                    return None, None
            return row, channel_id

        row, channel_id = await self._core.storage.read(work)
        if row is None or (channel_id is None and row.uploaded_by != user_id):
            raise NotFound.of("file")
        try:
            if channel_id is not None:
                await self._core.allowed(channel_id, user_id, Action.CHANNEL_VIEW)
        except NotFound:
            raise NotFound.of("file") from None
        return row
