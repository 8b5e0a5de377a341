"""What the server says."""

import json
from datetime import UTC, datetime

import pytest

from chatcore.errors import NotFound, RateLimited, ValidationFailed
from chatcore.events import EVERYONE
from chatcore.ids import WorkspaceId
from chatcore.ports import Envelope
from chatserver.gateway import answers

WORKSPACE = WorkspaceId("dddddddd-dddd-7ddd-8ddd-dddddddddddd")


@pytest.mark.parametrize("frame_id", ["7", 'quo"te', "back\\slash", "ü 👍", "\u2028", "</script>", "\x07"])
def test_a_reply_carries_the_clients_id_whatever_it_is(frame_id: str) -> None:
    assert json.loads(answers.reply(frame_id, b'{"a":[1]}')) == {
        "type": "reply",
        "id": frame_id,
        "ok": True,
        "data": {"a": [1]},
    }


def test_a_refusal_is_a_reply_or_without_an_id_an_error() -> None:
    error = RateLimited("Wait.", 3)
    told = {"code": "RATE_LIMIT_EXCEEDED", "message": "Wait.", "details": {"retryAfter": 3}}
    assert json.loads(answers.refusal("1", error)) == {"type": "reply", "id": "1", "ok": False, "error": told}
    assert json.loads(answers.refusal(None, error)) == {"type": "error", "error": told}


def test_details_may_hold_values() -> None:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    refusal = json.loads(answers.refusal(None, ValidationFailed("No.", {"until": when})))
    assert refusal["error"]["details"] == {"until": "2026-01-01T00:00:00.000Z"}
    assert json.loads(answers.refusal(None, NotFound.of("channel")))["error"]["details"] == {}


def test_an_event_goes_out_with_its_data_unchanged() -> None:
    data = b'{"b":1,  "a":"\xc3\xbc"}'
    durable = answers.event_text(Envelope(WORKSPACE, "e", 42, "message_updated", EVERYONE, data))
    assert durable.payload == (
        b'{"type":"message_updated","workspaceId":"%b","seq":42,"data":%b}' % (WORKSPACE.encode(), data)
    )
    assert durable.seq == 42
    ephemeral = answers.event_text(Envelope(WORKSPACE, "e", 0, "typing", EVERYONE, b"{}"))
    assert ephemeral.payload == b'{"type":"typing","workspaceId":"%b","data":{}}' % WORKSPACE.encode()
    assert ephemeral.seq == 0


def test_the_greeting_names_protocol_connection_and_heartbeat() -> None:
    assert json.loads(answers.hello("c1", 25.0)) == {
        "type": "hello",
        "data": {"protocol": 1, "connectionId": "c1", "heartbeatSeconds": 25},
    }
