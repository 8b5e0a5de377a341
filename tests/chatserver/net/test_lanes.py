"""The same conversation in every lane."""

import json
from typing import Any

import pytest
import trio
from tests.chatserver.net.client import Client
from tests.chatserver.net.frames import BINARY, CONTINUATION, PING, PONG, TEXT, close_frame, frame
from tests.chatserver.net.waiting import until

from chatserver.net.socket import FRAME_LIMIT


async def test_two_people_talk(server: Any) -> None:
    team = server.team
    ada, bob = await server.joined(team.ada), await server.joined(team.bob)
    reply = await ada.ask("send_message", channelId=team.general.id, content="grüß dich 👋")
    heard = await bob.hear("message_received")
    assert heard["data"]["message"]["content"] == "grüß dich 👋"
    assert heard["seq"] == reply["data"]["message"]["seq"]


async def test_the_first_frame_says_hello(server: Any) -> None:
    client = await server.client()
    assert json.loads(await client.receive() or "")["type"] == "hello"


async def test_a_token_in_the_first_frame_signs_in(server: Any) -> None:
    client = await server.client()
    token = await server.team.token(server.team.cyd)
    assert (await client.ask("join_workspace", workspaceId=server.team.workspace.id, accessToken=token))["ok"]


async def test_a_session_cookie_signs_in(server: Any) -> None:
    token = await server.team.token(server.team.cyd)
    client = await server.client(headers=(f"Cookie: chatcore_access={token}", "Origin: http://127.0.0.1"))
    assert (await client.ask("join_workspace", workspaceId=server.team.workspace.id))["ok"]


async def test_a_bad_token_closes_with_4401(server: Any) -> None:
    client = await server.client(headers=("Authorization: Bearer nope",))
    assert await client.closed() == 4401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1"]
)
async def test_a_foreign_page_is_refused_before_the_upgrade(server: Any, origin: str) -> None:
    client = Client(await server.stream())
    status, _, body = await client.upgrade(headers=(f"Origin: {origin}",))
    await client.aclose()
    assert status == 403
    assert json.loads(body)["error"]["code"] == "INSUFFICIENT_PERMISSIONS"


async def test_a_revoked_session_is_closed_at_once(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    with trio.fail_after(2):
        await server.team.chat.sessions.revoke_all(server.team.ada.id)
        assert await ada.closed() == 4409


@pytest.mark.parametrize("text", [b"nope", b"[]", b"1"])
async def test_what_is_no_object_closes_with_4400(server: Any, text: bytes) -> None:
    ada = await server.joined(server.team.ada)
    await ada.send(frame(TEXT, text))
    assert await ada.closed() == 4400


async def test_binary_frames_close_with_4400(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    await ada.send(frame(BINARY, b"{}"))
    assert await ada.closed() == 4400


async def test_a_frame_of_the_largest_size_is_read(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    text = json.dumps({"type": "nonsense", "id": "x"}).encode()
    await ada.send(frame(TEXT, text + b" " * (FRAME_LIMIT - len(text))))
    assert (await ada.hear("reply"))["error"]["code"] == "VALIDATION_FAILED"


async def test_a_frame_that_is_too_large_closes_with_1009(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    await ada.send(frame(TEXT, b" " * (FRAME_LIMIT + 1)))
    assert await ada.closed() == 1009


async def test_a_message_in_fragments_with_a_ping_between(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    text = json.dumps({"type": "nonsense", "id": "ü"}, ensure_ascii=False).encode()
    cut = text.index("ü".encode()) + 1
    await ada.send(frame(TEXT, text[:cut], fin=False))
    await ada.send(frame(PING, b"now"))
    await ada.send(frame(CONTINUATION, text[cut:]))
    assert (await ada.hear("reply"))["id"] == "ü"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(3, b"{}"), 1002),
        (frame(TEXT, b"{}", reserved=4), 1002),
        (frame(PONG, b"x" * 126), 1002),
        (frame(CONTINUATION, b"{}"), 1002),
        (close_frame(1005), 1002),
    ],
    ids=["no UTF-8", "no mask", "unknown opcode", "reserved bit", "long pong", "nothing to continue", "reserved code"],
)
async def test_what_breaks_the_rfc_closes_as_the_rfc_says(server: Any, wrong: bytes, code: int) -> None:
    ada = await server.joined(server.team.ada)
    await ada.send(wrong)
    assert await ada.closed() in (code, *([1006] if server.lane == "foreign" else []))


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_goodbye_is_returned(server: Any, code: int) -> None:
    ada = await server.joined(server.team.ada)
    await ada.send(close_frame(code))
    assert await ada.closed() == code
    await ada.gone()
    await until(lambda: server.gateway.connections == 0)


async def test_a_peer_that_vanishes_leaves_nothing_behind(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    await ada.aclose()
    await until(lambda: server.gateway.connections == 0)
    assert server.gateway.rooms.find(server.team.workspace.id) is None


async def test_a_message_and_goodbye_in_one_breath_is_still_sent(server: Any) -> None:
    ada, bob = await server.joined(server.team.ada), await server.joined(server.team.bob)
    data = {"channelId": server.team.general.id, "content": "last words"}
    text = json.dumps({"type": "send_message", "data": data}).encode()
    await ada.send(frame(TEXT, text) + close_frame())
    assert (await bob.hear("message_received"))["data"]["message"]["content"] == "last words"


async def test_frames_that_come_with_the_upgrade_are_not_lost(native: Any) -> None:
    token = await native.team.token(native.team.ada)
    text = json.dumps({"type": "authenticate", "id": "1", "data": {"accessToken": token}}).encode()
    client = await native.client(early=frame(TEXT, text))
    assert (await client.hear("reply"))["ok"]


async def test_a_stop_says_1012(server: Any) -> None:
    ada = await server.joined(server.team.ada)
    server.gateway.stop()
    assert await ada.closed() == 1012


async def test_a_cursor_brings_back_what_was_missed(server: Any) -> None:
    team = server.team
    ada = await server.joined(team.ada)
    since = (await ada.ask("join_workspace", workspaceId=team.workspace.id))["data"]
    await ada.aclose()
    missed = [
        await team.chat.messages.send(team.general, author=team.bob, content=str(number)) for number in range(700)
    ]
    back = await server.client(headers=(f"Authorization: Bearer {await team.token(team.ada)}",))
    cursor = {"epoch": since["epoch"], "seq": since["seq"]}
    await back.say("join_workspace", "j", workspaceId=team.workspace.id, since=cursor)
    heard: list[dict[str, Any]] = []
    while (text := await back.hear())["type"] != "reply":
        heard.append(text)
    assert text["data"]["resumed"] is True
    assert [each["seq"] for each in heard if "seq" in each] == [message.seq for message in missed]
