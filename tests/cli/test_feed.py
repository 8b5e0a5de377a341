"""Events as lines."""

from datetime import UTC, datetime
from typing import Any

import orjson

from chatcli.feed import Lines, as_json, channel_of
from chatcore import wire
from chatcore.events import (
    EVENT_CLASSES,
    ChannelCreated,
    Event,
    HuddleStarted,
    MemberJoined,
    MessageDeleted,
    MessageReceived,
    MessageUpdated,
    ReactionAdded,
    Typing,
)
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import Channel, ChannelType, Huddle, MemberCard, Message, Position, Role, UserCard

WORKSPACE = WorkspaceId("01900000-0000-7000-8000-000000000001")
CHANNEL = ChannelId("01900000-0000-7000-8000-000000000002")
ADA = UserId("01900000-0000-7000-8000-000000000003")
MESSAGE = MessageId("01900000-0000-7000-8000-000000000004")
LONG_AGO = datetime(2026, 1, 31, 12, 30, 15, tzinfo=UTC)
CARD = UserCard(display_name="Ada")


def frame(event: Event) -> dict[str, Any]:
    """The event as a socket is sent it."""
    data = orjson.loads(wire.encode_event(event))
    return {"type": event.type, "workspaceId": event.workspace_id, "seq": 7, "data": data}


def message(content: str, thread_id: MessageId | None = None) -> MessageReceived:
    return MessageReceived(
        workspace_id=WORKSPACE,
        message=Message(
            id=MESSAGE,
            channel_id=CHANNEL,
            user_id=ADA,
            user=CARD,
            content=content,
            thread_id=thread_id,
            created_at=LONG_AGO,
        ),
    )


def channel(name: str) -> Channel:
    return Channel(
        id=CHANNEL,
        workspace_id=WORKSPACE,
        name=name,
        type=ChannelType.PUBLIC,
        created_by=ADA,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


EVENTS: list[Event] = [
    message("hello"),
    MessageUpdated(workspace_id=WORKSPACE, channel_id=CHANNEL, message_id=MESSAGE, content="hi", edited_at=LONG_AGO),
    MessageDeleted(workspace_id=WORKSPACE, channel_id=CHANNEL, message_id=MESSAGE, message_seq=7),
    ReactionAdded(workspace_id=WORKSPACE, channel_id=CHANNEL, message_id=MESSAGE, emoji="🎉", user_id=ADA, user=CARD),
    MemberJoined(
        workspace_id=WORKSPACE,
        member=MemberCard(user_id=ADA, display_name="Ada", role=Role.MEMBER),
        channel=channel("general"),
    ),
    ChannelCreated(workspace_id=WORKSPACE, channel=channel("general")),
    HuddleStarted(
        workspace_id=WORKSPACE,
        huddle=Huddle(
            id=HuddleId(MESSAGE), workspace_id=WORKSPACE, channel_id=CHANNEL, created_by=ADA, started_at=LONG_AGO
        ),
        started_by=CARD,
    ),
]


def line_of(event: Event) -> str:
    line = Lines({CHANNEL: "general"}).of(frame(event))
    assert line is not None
    return line


def test_a_message_is_told_with_its_time_its_channel_and_its_author() -> None:
    at = LONG_AGO.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert line_of(message("hello")) == f"{at} #general Ada: hello"
    assert line_of(message("one\ntwo")) == f"{at} #general Ada: one\n    two"
    assert line_of(message("yes", MESSAGE)) == f"{at} #general ↳ Ada: yes"


def test_events_are_told_in_words() -> None:
    told = [line_of(event).partition("#general ")[2] for event in EVENTS]
    assert told == [
        "Ada: hello",
        "(edited) hi",
        "(a message was deleted)",
        "Ada reacted 🎉",
        "Ada joined",
        "(new channel)",
        "Ada started a huddle",
    ]


def test_the_channel_of_every_event_is_found() -> None:
    assert {channel_of(frame(event)) for event in EVENTS} == {CHANNEL}
    joined = MemberJoined(workspace_id=WORKSPACE, member=MemberCard(user_id=ADA, display_name="Ada", role=Role.MEMBER))
    assert channel_of(frame(joined)) is None
    assert line_of(joined).endswith(" Ada joined the workspace")


def test_every_event_type_is_told_or_left_out_without_a_fault() -> None:
    lines = Lines({})
    for cls in EVENT_CLASSES:
        if cls.type not in {event.type for event in EVENTS}:
            lines.of({"type": cls.type, "seq": 1, "data": _any_data(cls)})
    typing = Typing(workspace_id=WORKSPACE, channel_id=CHANNEL, user_id=ADA, user=CARD, is_typing=True)
    assert lines.of(frame(typing)) is None


def _any_data(cls: type[Event]) -> dict[str, Any]:
    if cls.type == "channel_updated":
        return {"channel": {"id": CHANNEL, "name": "renamed"}}
    return {"channelId": CHANNEL}


def test_names_of_channels_follow_the_events() -> None:
    lines = Lines({CHANNEL: "general"})
    lines.of({"type": "channel_updated", "seq": 8, "data": {"channel": {"id": CHANNEL, "name": "renamed"}}})
    line = lines.of(frame(message("hello")))
    assert line is not None
    assert "#renamed Ada: hello" in line


def test_json_lines_carry_the_cursor() -> None:
    event = frame(message("hello"))
    told = orjson.loads(as_json(event, Position(epoch="e", seq=7)))
    assert told == {"type": "message_received", "seq": 7, "cursor": "e:7", "data": event["data"]}
