"""Where rows lie: the integer keys of messages and events, put together from a number and an ordinal.

A log grows at the end of its workspace's range, a channel at the end of its own: what is read together lies together.
"""

MAX_ORDINAL = (1 << 32) - 1
MAX_SEQ = (1 << 40) - 1


def message_row(channel_number: int, ordinal: int, *, reply: bool) -> int:
    """The row of a message: `ordinal` counts from 1 among the channel's top-level messages, or its replies."""
    return (channel_number << 33) + (reply << 32) + ordinal


def event_place(workspace_number: int, seq: int) -> int:
    """The key of an event."""
    return (workspace_number << 40) + seq
