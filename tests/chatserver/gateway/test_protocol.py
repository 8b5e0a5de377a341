"""The protocol by scripts: what comes in, at which time, and what is done about it. No socket, no task, no clock."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chatcore.errors import Forbidden, NotFound, Unauthorized, Unavailable
from chatcore.ids import SessionId, UserId, WorkspaceId
from chatserver.gateway.closing import CloseCode
from chatserver.gateway.flow import Pace
from chatserver.gateway.frames import Authenticate, JoinWorkspace, SendMessage
from chatserver.gateway.pipeline import ROOM, Turn
from chatserver.gateway.protocol import (
    MAX_WORKSPACES,
    PING_SECONDS,
    PONG_SECONDS,
    SIGN_IN_SECONDS,
    STOP_SECONDS,
    Actions,
    Begin,
    Close,
    Ping,
    Protocol,
    Send,
    SignIn,
)

CHANNEL = "cccccccc-cccc-7ccc-8ccc-cccccccccccc"
WORKSPACE = WorkspaceId("dddddddd-dddd-7ddd-8ddd-dddddddddddd")
ADA = SignIn(UserId("aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"), SessionId("eeeeeeee-eeee-7eee-8eee-eeeeeeeeeeee"), 900.0)
BOB = SignIn(UserId("bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb"))

JOIN = {"type": "join_workspace", "id": "j", "data": {"workspaceId": WORKSPACE, "accessToken": "token"}}
AUTHENTICATE = {"type": "authenticate", "id": "a", "data": {"accessToken": "token"}}


def send(number: int, **fields: Any) -> dict[str, Any]:
    data = {"channelId": CHANNEL, "content": f"message {number}", **fields}
    return {"type": "send_message", "id": str(number), "data": data}


class Script:
    """One connection, played by hand."""

    def __init__(self, **options: Any) -> None:
        self.now = 0.0
        self.protocol = Protocol(0.0, **options)

    def at(self, now: float) -> "Script":
        """Time passes: the driver ticks whenever the protocol wants it to."""
        while self.protocol.deadline <= now:
            self.now = self.protocol.deadline
            assert self.protocol.tick(self.now) == (), "something happened on the way"
        self.now = now
        return self

    def says(self, frame: Any) -> list[Any]:
        return told(self.protocol.text(frame if isinstance(frame, str) else json.dumps(frame)))

    def begins(self) -> Turn:
        turn = self.protocol.begin()
        assert turn is not None
        return turn

    def signs_in(self, who: SignIn = ADA) -> "Script":
        self.protocol.signed_in(who, self.now)
        return self

    def done(self, turn: Turn, data: bytes = b"{}") -> list[Any]:
        return told(self.protocol.done(turn, data))

    def failed(self, turn: Turn, error: Any) -> list[Any]:
        return told(self.protocol.failed(turn, error, self.now))


def told(actions: Actions) -> list[Any]:
    """Actions as a person reads them: frames as JSON, closes as codes."""
    shown: list[Any] = []
    for action in actions:
        match action:
            case Send(payload):
                shown.append(json.loads(payload))
            case Close(code, _):
                shown.append(code)
            case Begin():
                shown.append("begin")
            case Ping():
                shown.append("ping")
    return shown


def refused(frame_id: str | None, code: str) -> Any:
    class Refusal:
        def __eq__(self, other: object) -> bool:
            assert isinstance(other, dict)
            kind = "error" if frame_id is None else "reply"
            return other["type"] == kind and other.get("id") == frame_id and other["error"]["code"] == code

        def __repr__(self) -> str:
            return f"refused({frame_id}, {code})"

    return Refusal()


# --- signing in ------------------------------------------------------------------------------------------------------


def test_the_first_frame_may_join_with_a_token() -> None:
    script = Script()
    assert script.says(JOIN) == ["begin"]
    turn = script.begins()
    assert isinstance(turn.frame, JoinWorkspace)
    script.signs_in()
    assert script.done(turn, b'{"seq":4}') == [{"type": "reply", "id": "j", "ok": True, "data": {"seq": 4}}]


def test_the_first_frame_may_authenticate() -> None:
    script = Script()
    assert script.says(AUTHENTICATE) == ["begin"]
    turn = script.begins()
    assert isinstance(turn.frame, Authenticate)
    script.signs_in()
    assert script.done(turn) == [{"type": "reply", "id": "a", "ok": True, "data": {}}]


@pytest.mark.parametrize("frame", [send(1), {"type": "join_workspace", "id": "1", "data": {"workspaceId": WORKSPACE}}])
def test_anything_else_is_refused_before_sign_in(frame: dict[str, Any]) -> None:
    assert Script().says(frame) == [refused("1", "UNAUTHORIZED"), CloseCode.SIGN_IN]


def test_what_follows_the_token_waits_for_it() -> None:
    script = Script()
    assert script.says(AUTHENTICATE) == ["begin"]
    assert script.says(send(1)) == ["begin"]
    turn = script.begins()
    assert script.protocol.begin() is None
    script.signs_in()
    script.done(turn)
    assert isinstance(script.begins().frame, SendMessage)


def test_a_bad_token_ends_a_connection_that_is_not_signed_in() -> None:
    script = Script()
    script.says(AUTHENTICATE)
    script.says(send(1))
    assert script.failed(script.begins(), Unauthorized("no")) == [refused("a", "UNAUTHORIZED"), CloseCode.SIGN_IN]
    assert script.protocol.begin() is None


def test_a_bad_token_does_not_end_a_connection_that_is_signed_in() -> None:
    script = Script().signs_in()
    script.says(AUTHENTICATE)
    assert script.failed(script.begins(), Unauthorized("no")) == [refused("a", "UNAUTHORIZED")]
    assert script.says(send(1)) == ["begin"]


def test_a_sign_in_that_cannot_be_checked_may_be_tried_again() -> None:
    script = Script()
    script.at(4.0).says(AUTHENTICATE)
    assert script.failed(script.begins(), Unavailable("later")) == [refused("a", "SERVICE_UNAVAILABLE")]
    assert script.at(8.0).says(AUTHENTICATE) == ["begin"]


def test_who_does_not_sign_in_in_time_is_closed() -> None:
    script = Script()
    assert script.protocol.deadline == SIGN_IN_SECONDS
    assert script.at(4.9).says({"type": "nonsense"}) == [refused(None, "VALIDATION_FAILED")]
    assert told(script.protocol.tick(SIGN_IN_SECONDS)) == [CloseCode.SIGN_IN_LATE]


def test_a_check_that_takes_long_is_not_the_clients_fault() -> None:
    script = Script()
    script.at(4.9).says(AUTHENTICATE)
    script.at(20.0)
    script.signs_in()


def test_a_connection_belongs_to_one_account() -> None:
    script = Script().signs_in(ADA)
    with pytest.raises(Forbidden):
        script.protocol.signed_in(BOB, 1.0)
    assert script.protocol.sign_in == ADA


def test_a_sign_in_expires_unless_it_is_renewed() -> None:
    script = Script(pings=False).signs_in(ADA)
    script.at(899.0)
    assert told(script.protocol.tick(900.0)) == [CloseCode.SIGN_IN]

    script = Script(pings=False).signs_in(ADA)
    script.at(800.0).signs_in(ADA)
    script.at(1699.0)
    assert told(script.protocol.tick(1700.0)) == [CloseCode.SIGN_IN]


def test_a_sign_in_without_an_end_does_not_expire() -> None:
    script = Script(pings=False).signs_in(BOB)
    assert script.protocol.deadline == float("inf")


def test_a_revoked_session_ends_at_once_and_once() -> None:
    script = Script().signs_in()
    script.says(send(1))
    assert told(script.protocol.revoked()) == [CloseCode.REVOKED]
    assert told(script.protocol.revoked()) == []
    assert script.protocol.begin() is None
    assert script.says(send(2)) == []


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "[]", "7", "nope", '{"a":', "NaN"])
def test_what_is_no_object_closes(text: str) -> None:
    assert Script().signs_in().says(text) == [CloseCode.NOT_AN_OBJECT]


def test_what_is_wrong_is_answered_under_its_id() -> None:
    script = Script().signs_in()
    assert script.says({"type": "nope", "id": "7"}) == [refused("7", "VALIDATION_FAILED")]
    assert script.says({"type": "nope"}) == [refused(None, "VALIDATION_FAILED")]
    assert script.says({"type": "send_message", "id": 7, "data": {}}) == [refused(None, "VALIDATION_FAILED")]
    assert script.says(send(1, colour="red")) == [refused("1", "VALIDATION_FAILED")]


def test_without_an_id_success_is_silent_and_failure_is_not() -> None:
    script = Script().signs_in()
    frame = send(1)
    del frame["id"]
    script.says(frame)
    assert script.done(script.begins(), b'{"x":1}') == []
    script.says(frame)
    assert script.failed(script.begins(), NotFound.of("channel")) == [refused(None, "RESOURCE_NOT_FOUND")]


def test_messages_overlap_once_the_first_to_a_channel_went_through() -> None:
    script = Script(overlap=True).signs_in()
    for number in (1, 2, 3):
        script.says(send(number))
    first = script.begins()
    assert script.protocol.begin() is None, "nothing is known of the channel yet"
    script.done(first)
    second, third = script.begins(), script.protocol.begin()
    assert third is None, "these came in before"
    script.done(second)
    script.done(script.begins())
    for number in (4, 5):
        script.says(send(number))
    fourth, fifth = script.begins(), script.begins()
    assert script.done(fifth, b'{"n":5}') == []
    answered: Sequence[Any] = script.done(fourth, b'{"n":4}')
    assert [frame["data"]["n"] for frame in answered] == [4, 5]


def test_messages_do_not_overlap_where_something_may_make_them_change_places() -> None:
    script = Script(overlap=False).signs_in()
    for number in (1, 2, 3):
        script.says(send(number))
        script.done(script.begins())
    script.says(send(4))
    script.says(send(5))
    script.begins()
    assert script.protocol.begin() is None


def test_a_message_with_attachments_goes_alone() -> None:
    script = Script(overlap=True).signs_in()
    script.says(send(1))
    script.done(script.begins())
    script.says(send(2, attachmentIds=[CHANNEL]))
    script.says(send(3))
    script.begins()
    assert script.protocol.begin() is None


def test_a_socket_that_says_more_than_is_done_is_not_read() -> None:
    script = Script().signs_in()
    for number in range(ROOM):
        assert not script.protocol.full
        script.says(send(number))
    assert script.protocol.full
    script.done(script.begins())
    assert not script.protocol.full


def test_one_connection_joins_so_many_workspaces() -> None:
    script = Script().signs_in()
    script.protocol.workspaces.update(WorkspaceId(str(number)) for number in range(MAX_WORKSPACES))
    with pytest.raises(Forbidden):
        script.protocol.check_room(WORKSPACE)
    script.protocol.check_room(WorkspaceId("7"))


def test_too_many_frames_are_told_when_to_come_back() -> None:
    script = Script(pace=Pace(frames_per_second=1, frames_at_once=10)).signs_in()
    assert told(script.protocol.received(10, 100, 0.0)) == []
    refusal, code = told(script.protocol.received(5, 100, 0.0))
    assert refusal["error"]["details"] == {"retryAfter": 5}
    assert code == CloseCode.TOO_MANY
    assert script.says(send(1)) == []


# --- heartbeat -------------------------------------------------------------------------------------------------------


def test_a_peer_that_answers_is_kept() -> None:
    script = Script().signs_in(BOB)
    for beat in range(1, 100):
        script.at(beat * PING_SECONDS - 1)
        assert told(script.protocol.tick(beat * PING_SECONDS)) == ["ping"]
        script.protocol.pong()


def test_a_peer_that_does_not_answer_is_closed() -> None:
    script = Script().signs_in(BOB)
    script.at(PING_SECONDS - 1)
    assert told(script.protocol.tick(PING_SECONDS)) == ["ping"]
    script.at(PING_SECONDS + PONG_SECONDS - 0.1)
    assert told(script.protocol.tick(PING_SECONDS + PONG_SECONDS)) == [CloseCode.NO_HEARTBEAT]


def test_a_pong_that_we_do_not_read_is_not_missed() -> None:
    script = Script().signs_in(BOB)
    script.at(PING_SECONDS - 1)
    assert told(script.protocol.tick(PING_SECONDS)) == ["ping"]
    script.protocol.reading(False)
    assert told(script.protocol.tick(PING_SECONDS + PONG_SECONDS)) == []
    script.protocol.reading(True)
    late = PING_SECONDS + 2 * PONG_SECONDS
    assert told(script.protocol.tick(late)) == [CloseCode.NO_HEARTBEAT]


def test_where_pings_are_anothers_affair_none_are_sent() -> None:
    script = Script(pings=False).signs_in(BOB)
    script.at(10_000.0)


# --- the end ---------------------------------------------------------------------------------------------------------


def test_an_idle_connection_is_closed_at_once_when_the_server_stops() -> None:
    script = Script().signs_in()
    assert told(script.protocol.stop(1.0)) == [CloseCode.RESTART]
    assert told(script.protocol.stop(1.0)) == []


def test_what_was_begun_is_answered_before_the_goodbye() -> None:
    script = Script().signs_in()
    script.says(send(1))
    script.says(send(2))
    turn = script.begins()
    assert told(script.protocol.stop(1.0)) == []
    assert script.says(send(3)) == [], "nothing more is taken"
    assert script.done(turn) == [{"type": "reply", "id": "1", "ok": True, "data": {}}]
    reply, code = script.done(script.begins())
    assert (reply["id"], code) == ("2", CloseCode.RESTART)


def test_what_takes_too_long_is_not_waited_for() -> None:
    script = Script().signs_in()
    script.says(send(1))
    turn = script.begins()
    script.protocol.stop(1.0)
    assert script.protocol.deadline == 1.0 + STOP_SECONDS
    assert told(script.protocol.tick(1.0 + STOP_SECONDS)) == [CloseCode.RESTART]
    assert script.done(turn) == []


def test_nothing_is_said_to_a_socket_that_is_gone_but_what_it_said_is_done() -> None:
    script = Script().signs_in()
    script.says(send(1))
    script.says(send(2))
    turn = script.begins()
    script.protocol.closed()
    assert script.done(turn) == []
    assert script.done(script.begins()) == []
    assert told(script.protocol.tick(1e9)) == []
    assert told(script.protocol.received(10**9, 10**9, 1.0)) == []
