"""What a client may say, and what it may not."""

from typing import Any

import pytest

from chatcore.errors import ValidationFailed
from chatcore.model import PresenceStatus
from chatserver.gateway import frames
from chatserver.gateway.frames import FRAMES, NotAnObject, frame_id, read_frame, read_object

A = "aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"
B = "bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb"

EXAMPLES: dict[str, dict[str, Any]] = {
    "join_workspace": {"workspaceId": A, "accessToken": "abc.def", "since": {"epoch": "e", "seq": 3}},
    "leave_workspace": {"workspaceId": A},
    "authenticate": {"accessToken": "abc.def"},
    "send_message": {"channelId": A, "content": "hi", "threadId": B, "tempId": "t1", "attachmentIds": [B]},
    "edit_message": {"messageId": A, "content": "hi"},
    "delete_message": {"messageId": A},
    "add_reaction": {"messageId": A, "emoji": "👍"},
    "remove_reaction": {"messageId": A, "emoji": "👍"},
    "mark_read": {"channelId": A, "messageId": B},
    "typing_start": {"channelId": A},
    "typing_stop": {"channelId": A},
    "update_presence": {"status": "away"},
    "start_huddle": {"channelId": A, "title": "Standup"},
    "join_huddle": {"huddleId": A, "offer": {"type": "offer", "sdp": "v=0"}},
    "leave_huddle": {"huddleId": A},
    "huddle_state": {"huddleId": A, "muted": True, "speaking": False},
    "huddle_wants": {"huddleId": A, "videos": [{"userId": B, "source": "screen"}]},
    "mute_participant": {"huddleId": A, "userId": B},
    "remove_participant": {"huddleId": A, "userId": B},
    "ring_huddle": {"huddleId": A, "userId": B},
    "decline_huddle": {"huddleId": A},
    "start_recording": {"huddleId": A},
    "stop_recording": {"huddleId": A},
    "huddle_signal": {"huddleId": A, "signal": {"type": "offer", "data": {"sdp": "v=0"}, "targetUserId": B}},
}


def test_every_frame_has_an_example() -> None:
    assert EXAMPLES.keys() == FRAMES.keys()


@pytest.mark.parametrize("type_", EXAMPLES)
def test_an_example_is_read(type_: str) -> None:
    frame = read_frame({"type": type_, "id": "1", "data": EXAMPLES[type_]})
    assert type(frame) is FRAMES[type_]


@pytest.mark.parametrize("type_", EXAMPLES)
def test_an_unknown_field_is_refused(type_: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_frame({"type": type_, "data": {**EXAMPLES[type_], "colour": "red"}})
    assert refused.value.details == {"colour": "is not a known field"}


@pytest.mark.parametrize("type_", EXAMPLES)
@pytest.mark.parametrize("wrong", [1, True, 1.5, None, [], {}, ["x"], {"x": 1}])
def test_wrong_types_are_refused_and_never_coerced(type_: str, wrong: Any) -> None:
    for field, value in EXAMPLES[type_].items():
        takes_objects = isinstance(value, dict) and isinstance(wrong, dict) and field == "offer"
        takes_lists = isinstance(value, list) and wrong == []
        takes_flags = isinstance(value, bool) and isinstance(wrong, bool)
        if takes_objects or takes_lists or takes_flags or (wrong is None and _is_optional(type_, field)):
            continue
        with pytest.raises(ValidationFailed):
            read_frame({"type": type_, "data": {**EXAMPLES[type_], field: wrong}})


def _is_optional(type_: str, field: str) -> bool:
    required = {key: value for key, value in EXAMPLES[type_].items() if key != field}
    try:
        read_frame({"type": type_, "data": required})
    except ValidationFailed:
        return False
    return True


def test_values_become_what_they_mean() -> None:
    frame = read_frame({"type": "update_presence", "data": {"status": "away"}})
    assert frame == frames.UpdatePresence(status=PresenceStatus.AWAY)


@pytest.mark.parametrize("text", ["", "nope", "[]", "7", '"x"', "null", "NaN", "{" * 2000, '{"a":1e999}', "{'a':1}"])
def test_what_is_no_object_is_said_so(text: str) -> None:
    with pytest.raises(NotAnObject):
        read_object(text)


def test_lone_surrogates_are_no_text() -> None:
    with pytest.raises(NotAnObject):
        read_object('{"type":"\ud800"}')
    with pytest.raises(NotAnObject):
        read_object('{"type":"\\ud800"}')


@pytest.mark.parametrize("wrong", [1, "", "x" * 65, True, [], {}])
def test_an_id_is_short_text(wrong: Any) -> None:
    with pytest.raises(ValidationFailed):
        frame_id({"id": wrong})


def test_an_id_may_be_left_out() -> None:
    assert frame_id({}) is None
    assert frame_id({"id": "x" * 64}) == "x" * 64


@pytest.mark.parametrize("type_", [None, 1, "", "nope", [], {}, "Send_message"])
def test_an_unknown_type_is_refused_with_the_known_ones(type_: Any) -> None:
    with pytest.raises(ValidationFailed, match="send_message"):
        read_frame({"type": type_, "data": {}})


def test_nothing_may_stand_beside_the_data() -> None:
    with pytest.raises(ValidationFailed) as refused:
        read_frame({"type": "leave_huddle", "data": {"huddleId": A}, "auth": "x", "why": 1})
    assert refused.value.details.keys() == {"auth", "why"}


def test_what_is_passed_on_is_bounded() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]
    for signal in (
        {"type": "offer", "data": {"a": deep}},
        {"type": "offer", "data": dict.fromkeys(map(str, range(500)), 1)},
    ):
        with pytest.raises(ValidationFailed):
            read_frame({"type": "huddle_signal", "data": {"huddleId": A, "signal": signal}})
