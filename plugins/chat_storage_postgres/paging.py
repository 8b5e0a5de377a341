"""Pages of messages."""

from chatcore.model import Message, MessagePage


def cut_page(found: list[Message], limit: int) -> MessagePage:
    """A page of `limit` messages out of those found, which are one more than it holds when there is more."""
    messages = tuple(found[:limit])
    more = len(found) > limit
    return MessagePage(messages=messages, has_more=more, next_cursor=messages[-1].id if more and messages else None)
