"""Values for tests: everything that an object needs, with the parts that a test cares about given by name."""

from datetime import datetime
from itertools import count
from typing import Any, NewType, TypeVar

from chatcore.events import MessageReceived
from chatcore.ids import ChannelId, MessageId, UserId, WorkspaceId, uuid7
from chatcore.model import Channel, ChannelType, Message, User, Workspace, card_of
from chatcore.ports import Post, seal
from chatcore.testing.clock import START

Id = TypeVar("Id", bound=str)
_numbers = count(1)


def new_id(kind: Any = str) -> Any:
    """A fresh id of a kind (`new_id(UserId)`)."""
    assert isinstance(kind, NewType | type)
    return kind(uuid7(int(START.timestamp() * 1000) + next(_numbers)))


def make_user(name: str = "", **fields: Any) -> User:
    """A user whose e-mail is nobody else's."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": new_id(UserId),
        "email": f"user{number}@example.org",
        "display_name": name or f"User {number}",
        "created_at": START,
        "updated_at": START,
    }
    return User(**values | fields)


def make_workspace(owner: UserId, **fields: Any) -> Workspace:
    """A workspace whose slug is no other's."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": new_id(WorkspaceId),
        "name": f"Team {number}",
        "slug": f"team-{number}",
        "created_by": owner,
        "created_at": START,
        "updated_at": START,
    }
    return Workspace(**values | fields)


def make_channel(workspace: Workspace, name: str = "", **fields: Any) -> Channel:
    """A public channel."""
    values: dict[str, Any] = {
        "id": new_id(ChannelId),
        "workspace_id": workspace.id,
        "name": name or f"channel-{next(_numbers)}",
        "type": ChannelType.PUBLIC,
        "created_by": workspace.created_by,
        "created_at": START,
        "updated_at": START,
    }
    return Channel(**values | fields)


def make_message(channel: Channel, author: User, content: str = "Hello", **fields: Any) -> Message:
    """A message that is not sent yet."""
    values: dict[str, Any] = {
        "id": new_id(MessageId),
        "channel_id": channel.id,
        "user_id": author.id,
        "user": card_of(author),
        "content": content,
        "created_at": START,
    }
    return Message(**values | fields)


def make_post(channel: Channel, author: User, content: str = "Hello", **fields: Any) -> Post:
    """A post of such a message; `attachment_ids` goes to the post, everything else to the message."""
    attachment_ids = fields.pop("attachment_ids", ())
    message = make_message(channel, author, content, **fields)
    event = MessageReceived(workspace_id=channel.workspace_id, message=message)
    return Post(message=message, envelope=seal(event), attachment_ids=attachment_ids)


def later(seconds: float) -> datetime:
    """So long after the beginning of every test."""
    return datetime.fromtimestamp(START.timestamp() + seconds, START.tzinfo)
