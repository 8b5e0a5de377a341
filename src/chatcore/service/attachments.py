"""What is known about uploaded files; the bytes are the files port's affair."""

import attrs

from chatcore import text
from chatcore.errors import NotFound, PayloadTooLarge, ValidationFailed
from chatcore.ids import AttachmentId
from chatcore.model import Attachment
from chatcore.policy import Action
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
        row = await self._core.storage.read(lambda tx: tx.attachments.get(id_of(attachment)))
        if row is None:
            raise NotFound.of("file")
        if row.message_id is None:
            if row.uploaded_by != id_of(actor):
                raise NotFound.of("file")
            return row
        message_id = row.message_id
        message = await self._core.storage.read(lambda tx: tx.messages.get(message_id))
        if message is None:
            raise NotFound.of("file")
        try:
            await self._core.allowed(message.channel_id, id_of(actor), Action.CHANNEL_VIEW)
        except NotFound:
            raise NotFound.of("file") from None
        return row
