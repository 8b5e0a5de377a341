"""Events as lines: for people, or as JSON for programs."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chatcli.listing import json_line, printable
from chatcore.model import Position

Event = Mapping[str, Any]


def channel_of(event: Event) -> str | None:
    """The id of the channel that an event is about; None when it is about the workspace."""
    data = event["data"]
    for holder in (data, data.get("message"), data.get("huddle")):
        if holder is not None and isinstance(holder.get("channelId"), str):
            return str(holder["channelId"])
    channel = data.get("channel")
    return str(channel["id"]) if channel is not None else None


def as_json(event: Event, position: Position) -> str:
    """The event with the `cursor` from which `tail --since` goes on after it."""
    cursor = f"{position.epoch}:{position.seq}"
    return json_line({"type": event["type"], "seq": event["seq"], "cursor": cursor, "data": event["data"]})


class Lines:
    """Events in words. `names` follows the channels' names by what the events say."""

    def __init__(self, channels: Mapping[str, str]) -> None:
        self.names = dict(channels)

    def of(self, event: Event) -> str | None:
        """The line of an event; None for one that is not for reading."""
        data = event["data"]
        if event["type"] in ("channel_created", "channel_updated"):
            self.names[data["channel"]["id"]] = data["channel"]["name"]
        tell = _TELL.get(event["type"])
        if tell is None:
            return None
        words = printable(tell(data)).replace("\n", "\n    ")
        channel = channel_of(event)
        place = "" if channel is None else f"#{printable(self.names.get(channel, channel))} "
        return f"{_clock(data)} {place}{words}"


def _message(data: Any) -> str:
    message = data["message"]
    arrow = "↳ " if message.get("threadId") is not None else ""
    files = "".join(f"\n[{file['originalFilename']}]" for file in message.get("attachments", ()))
    return f"{arrow}{message['user']['displayName']}: {message['content']}{files}"


def _joined(data: Any) -> str:
    return f"{data['member']['displayName']} joined" + ("" if data.get("channel") is not None else " the workspace")


_TELL: dict[str, Callable[[Any], str]] = {
    "message_received": _message,
    "message_updated": lambda data: f"(edited) {data['content']}",
    "message_deleted": lambda data: "(a message was deleted)",
    "reaction_added": lambda data: f"{data['user']['displayName']} reacted {data['emoji']}",
    "member_joined": _joined,
    "channel_created": lambda data: "(new channel)",
    "channel_archived": lambda data: "(archived)",
    "huddle_started": lambda data: f"{data['startedBy']['displayName']} started a huddle",
}


def _clock(data: Any) -> str:
    """When it happened, on the clock of this machine; now, when the event does not say."""
    written = data.get("message", data).get("createdAt") or data.get("editedAt")
    time = datetime.now().astimezone() if written is None else datetime.fromisoformat(written).astimezone()
    return time.strftime("%H:%M:%S" if time.date() == datetime.now().astimezone().date() else "%Y-%m-%d %H:%M:%S")
