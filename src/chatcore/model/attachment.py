"""A file that hangs on a message. The bytes live behind the files port; this is what is known about them."""

from datetime import datetime

import attrs

from chatcore.ids import AttachmentId, MessageId, UserId, WorkspaceId


@attrs.frozen(kw_only=True)
class Attachment:
    """`message_id` is None until the upload is posted; `size` is in bytes."""

    id: AttachmentId
    workspace_id: WorkspaceId
    message_id: MessageId | None = None
    filename: str
    original_filename: str
    mime_type: str
    size: int
    url: str
    uploaded_by: UserId
    created_at: datetime
