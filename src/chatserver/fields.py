"""The fields of our own requests: their types, with the limits of `chatcore.limits`.

The services check again what they are given: a program that embeds Chatcore has no edge in front of them.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from chatcore.ids import UserId
from chatcore.limits import LINE, PROSE, Items, Limit, Shallow, Text, Whole
from chatcore.model import MAX_CONTENT
from chatcore.service.core import KEEP
from chatcore.text import MAX_CHANNEL_NAME, MAX_EMAIL, MAX_EMOJI, MAX_SLUG

__all__ = ["LINE", "PROSE", "Items", "Limit", "Shallow", "Text", "Whole"]

ABSENT: Any = KEEP
"""The default of a field that stays as it is when a request does not name it (which null is not the same as)."""

Email = Annotated[
    str,
    Text(
        3,
        MAX_EMAIL,
        r"^[^@\u0000-\u001f\u007f]+@[^@\u0000-\u001f\u007f]+$",
        "must be an e-mail address like ada@example.org",
    ),
]
Password = Annotated[str, Text(1, 1024, r"^[^\u0000]*$", "must not hold a NUL character", "password")]
PersonName = Annotated[str, Text(1, 100)]
DisplayName = Annotated[str, Text(1, 200)]
Title = Annotated[str, Text(1, 200)]
Slug = Annotated[
    str, Text(1, MAX_SLUG, r"^[a-z0-9-]+$", "must be lower-case letters, digits and hyphens, like my-team")
]
ChannelName = Annotated[
    str,
    Text(
        1,
        MAX_CHANNEL_NAME,
        r"^[a-z0-9_-]+$",
        "must be lower-case letters, digits, hyphens and underscores, like release-notes",
    ),
]
Description = Annotated[str, Text(0, 1000, PROSE, "must not hold control characters except tab and line ends")]
Link = Annotated[
    str,
    Text(
        1,
        500,
        r"^(https?://|/api/files/)[^\u0000-\u0020\u007f-\u00a0\u2028\u2029]+$",
        "must be an address that begins with https:// or http://",
    ),
]
Content = Annotated[
    str, Text(1, MAX_CONTENT, PROSE, "must not hold control characters except tab and line ends (\\n, without \\r)")
]
Emoji = Annotated[
    str, Text(1, MAX_EMOJI, r"^[^\u0000-\u0020/\u007f-\u00a0\u2028\u2029]+$", "must be one emoji, or its :name:")
]
DeviceId = Annotated[str, Text(1, 64, r"^[\u0020-\u007e]*$", "must be printable ASCII characters")]
TempId = Annotated[str, Text(1, 64)]
Token = Annotated[str, Text(1, 4096, r"^[A-Za-z0-9_.~+/=-]+$", "is not a token")]
Settings = Annotated[Mapping[str, Any], Shallow()]
PageSize = Annotated[int, Whole(1, 100)]
UserIds = Annotated[tuple[UserId, ...], Items(0, 100)]
