"""Connections over the real services, without a network."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from tests.chatserver.net.waiting import until

from chatcore.hooks import hookimpl
from chatcore.model import PresenceStatus
from chatserver.gateway.flow import Pace
from chatserver.gateway.protocol import PING_SECONDS, PONG_SECONDS

# --- greeting and sign-in --------------------------------------------------------------------------------------------


async def test_the_first_frame_says_hello(edge: Any) -> None:
    socket = edge.open()
    hello = await socket.hear()
    assert hello["type"] == "hello"
    assert hello["data"].keys() == {"protocol", "connectionId", "heartbeatSeconds"}
    assert hello["data"]["heartbeatSeconds"] == PING_SECONDS


async def test_a_token_in_the_first_frame_signs_in(edge: Any) -> None:
    team = edge.team
    socket = edge.open()
    reply = await socket.ask("join_workspace", workspaceId=team.workspace.id, accessToken=await team.token(team.bob))
    position = await team.chat.hub.position(team.workspace.id)
    assert reply["data"] == {"epoch": position.epoch, "seq": position.seq, "resumed": False}


async def test_a_bots_token_signs_in(edge: Any) -> None:
    chat = edge.team.chat
    bot = await chat.users.create(email="bot@example.org", display_name="Bot", is_bot=True)
    await chat.members.add(edge.team.workspace, bot)
    token, text = await chat.tokens.create(bot, name="test")
    socket = edge.open()
    assert (await socket.ask("authenticate", accessToken=text))["ok"]
    assert (await socket.ask("join_workspace", workspaceId=edge.team.workspace.id))["ok"]
    await chat.tokens.revoke(token.id)
    assert await socket.closed() == 4409


async def test_a_bad_token_is_told_so(edge: Any) -> None:
    socket = edge.open()
    reply = await socket.ask("authenticate", accessToken="nope")
    assert reply["error"]["code"] == "UNAUTHORIZED"
    assert await socket.closed() == 4401


async def test_who_does_not_sign_in_is_closed(edge: Any, autojump_clock: trio.testing.MockClock) -> None:
    socket, began = edge.open(), trio.current_time()
    assert await socket.closed() == 4408
    assert 5 <= trio.current_time() - began < 5.5


async def test_a_connection_belongs_to_one_account(edge: Any) -> None:
    socket = await edge.join(edge.team.ada)
    reply = await socket.ask("authenticate", accessToken=await edge.team.token(edge.team.bob))
    assert reply["error"]["code"] == "INSUFFICIENT_PERMISSIONS"


async def test_a_sign_in_that_expires_closes_unless_it_is_renewed(
    edge: Any, autojump_clock: trio.testing.MockClock
) -> None:
    team = edge.team
    identity = await team.identity(team.ada)
    short = attrs.evolve(identity, expires_at=team.chat.clock.now() + timedelta(seconds=20))
    lapsing, renewed = edge.open(short, can_ping=False), edge.open(short, can_ping=False)
    assert (await renewed.ask("authenticate", accessToken=await team.token(team.ada)))["ok"]
    began = trio.current_time()
    assert await lapsing.closed() == 4401
    assert 19 <= trio.current_time() - began <= 21
    assert renewed.close_code == 0


async def test_a_revoked_session_is_closed_at_once_and_no_other(edge: Any) -> None:
    team = edge.team
    identity = await team.identity(team.ada)
    one, other, bob = (
        edge.open(identity),
        edge.open(await team.identity(team.ada)),
        edge.open(await team.identity(team.bob)),
    )
    for socket in (one, other, bob):
        await socket.ask("join_workspace", workspaceId=team.workspace.id)
    await team.chat.sessions.revoke(session_id=identity.session_id)
    assert one.close_code == 4409
    assert (other.close_code, bob.close_code) == (0, 0)
    await team.chat.sessions.revoke_all(team.ada.id)
    assert (other.close_code, bob.close_code) == (4409, 0)
    await team.chat.messages.send(team.general, author=team.bob, content="after")
    await bob.hear("message_received")
    assert "message_received" not in [frame["type"] for frame in one.pending() + other.pending()]


async def test_a_closed_account_is_closed_everywhere(edge: Any) -> None:
    socket = await edge.join(edge.team.cyd)
    await edge.team.chat.users.deactivate(edge.team.cyd)
    assert socket.close_code == 4409


# --- frames ----------------------------------------------------------------------------------------------------------


async def test_a_message_goes_to_everyone_who_may_read_it(edge: Any) -> None:
    team = edge.team
    ada, bob, gil = [await edge.join(user) for user in (team.ada, team.bob, team.gil)]
    reply = await ada.ask("send_message", channelId=team.lounge.id, content="hello", tempId="t1")
    message = reply["data"]["message"]
    assert (message["content"], message["tempId"], message["channelId"]) == ("hello", "t1", team.lounge.id)
    for socket in (ada, bob, gil):
        event = await socket.hear("message_received")
        assert event["data"]["message"]["id"] == message["id"]
        assert (event["workspaceId"], event["seq"]) == (team.workspace.id, message["seq"])
    await ada.ask("send_message", channelId=team.secret.id, content="whisper")
    assert (await bob.hear("message_received"))["data"]["message"]["content"] == "whisper"
    assert [frame["type"] for frame in gil.pending()] == []


async def test_a_temp_id_sent_again_gives_the_first_message_and_nobody_gets_it_twice(edge: Any) -> None:
    ada, bob = await edge.join(edge.team.ada), await edge.join(edge.team.bob)
    first = await ada.ask("send_message", channelId=edge.team.general.id, content="one", tempId="t")
    again = await ada.ask("send_message", channelId=edge.team.general.id, content="one", tempId="t")
    assert first["data"]["message"]["id"] == again["data"]["message"]["id"]
    await trio.testing.wait_all_tasks_blocked(0.02)
    assert len([frame for frame in bob.pending() if frame["type"] == "message_received"]) == 1


async def test_every_frame_does_what_it_says(edge: Any) -> None:
    team = edge.team
    ada, bob = await edge.join(team.ada), await edge.join(team.bob)
    channel = team.general.id
    sent = (await ada.ask("send_message", channelId=channel, content="one"))["data"]["message"]
    reply = (await ada.ask("send_message", channelId=channel, content="two", threadId=sent["id"]))["data"]["message"]
    assert reply["threadId"] == sent["id"]
    edited = await ada.ask("edit_message", messageId=sent["id"], content="uno")
    assert edited["data"]["message"]["content"] == "uno"
    assert (await bob.hear("message_updated"))["data"]["content"] == "uno"
    reacted = await bob.ask("add_reaction", messageId=sent["id"], emoji="👍")
    assert reacted["data"]["message"]["reactions"][0]["count"] == 1
    assert (await ada.hear("reaction_added"))["data"]["emoji"] == "👍"
    assert (await bob.ask("remove_reaction", messageId=sent["id"], emoji="👍"))["data"]["message"]["reactions"] == []
    read = await bob.ask("mark_read", channelId=channel, messageId=sent["id"])
    assert read["data"]["unreadCount"] == 0
    assert (await ada.ask("typing_start", channelId=channel))["ok"]
    assert (await bob.hear("typing"))["data"]["isTyping"] is True
    assert (await ada.ask("typing_stop", channelId=channel))["ok"]
    assert (await bob.hear("typing"))["data"]["isTyping"] is False
    assert (await ada.ask("update_presence", status="away"))["ok"]
    assert (await bob.hear("presence_update"))["data"]["status"] == "away"
    assert (await ada.ask("delete_message", messageId=sent["id"]))["ok"]
    assert (await bob.hear("message_deleted"))["data"]["messageId"] == sent["id"]


async def test_a_huddle_by_frames(edge: Any) -> None:
    team = edge.team
    ada, bob = await edge.join(team.ada), await edge.join(team.bob)
    started = (await ada.ask("start_huddle", channelId=team.general.id, title="Standup"))["data"]
    huddle_id = started["huddle"]["id"]
    assert (await bob.hear("huddle_started"))["data"]["huddle"]["title"] == "Standup"
    joined = (await bob.ask("join_huddle", huddleId=huddle_id))["data"]
    assert [person["userId"] for person in joined["participants"]] == [team.ada.id, team.bob.id]
    signal = {"type": "offer", "data": {"sdp": "v=0"}, "targetUserId": team.bob.id}
    assert (await ada.ask("huddle_signal", huddleId=huddle_id, signal=signal))["ok"]
    heard = (await bob.hear("huddle_signal"))["data"]
    assert (heard["fromUserId"], heard["signal"]["data"]) == (team.ada.id, {"sdp": "v=0"})
    state = (await bob.ask("huddle_state", huddleId=huddle_id, muted=True, handRaised=True))["data"]["participant"]
    assert (state["muted"], state["handRaised"], state["camera"]) == (True, True, False)
    assert (await ada.hear("huddle_user_updated"))["data"]["user"] == state
    assert (await ada.ask("huddle_state", huddleId=huddle_id, speaking=True))["ok"]
    assert (await bob.hear("huddle_speaking"))["data"]["speaking"] == [team.ada.id]
    muted = await ada.ask("mute_participant", huddleId=huddle_id, userId=team.bob.id)
    assert muted["data"]["participant"]["muted"] is True
    assert (await bob.ask("huddle_wants", huddleId=huddle_id, videos=[{"userId": team.ada.id}]))["ok"]
    refused = await bob.ask("ring_huddle", huddleId=huddle_id)
    assert refused["error"]["code"] == "INSUFFICIENT_PERMISSIONS"
    assert (await ada.ask("remove_participant", huddleId=huddle_id, userId=team.bob.id))["ok"]
    assert (await bob.hear("huddle_user_left"))["data"]["removedBy"] == team.ada.id
    assert not (await bob.ask("join_huddle", huddleId=huddle_id))["ok"]
    assert (await ada.ask("leave_huddle", huddleId=huddle_id))["ok"]
    again = (await bob.ask("start_huddle", channelId=team.general.id))["data"]
    assert (await ada.hear("huddle_ended"))["data"]["huddleId"] == huddle_id
    assert again["huddle"]["id"] != huddle_id


async def test_a_device_is_its_connection_unless_it_has_a_name(edge: Any) -> None:
    team = edge.team
    ada, again = await edge.join(team.ada), await edge.join(team.ada)
    huddle_id = (await ada.ask("start_huddle", channelId=team.general.id))["data"]["huddle"]["id"]
    joined = (await again.ask("join_huddle", huddleId=huddle_id))["data"]
    (mine,) = joined["devices"]
    assert mine["userId"] == team.ada.id
    assert len(mine["deviceIds"]) == 2
    assert joined["deviceId"] in mine["deviceIds"]
    named = (await again.ask("join_huddle", huddleId=huddle_id, deviceId="phone"))["data"]
    assert named["deviceId"] == "phone"


async def test_what_may_not_be_seen_is_answered_like_what_does_not_exist(edge: Any) -> None:
    cyd = await edge.join(edge.team.cyd)
    hidden = await cyd.ask("send_message", channelId=edge.team.secret.id, content="x")
    nothing = await cyd.ask("send_message", channelId="ffffffff-ffff-7fff-8fff-ffffffffffff", content="x")
    assert hidden == nothing
    assert hidden["error"]["code"] == "RESOURCE_NOT_FOUND"


async def test_messages_of_one_socket_keep_their_order(edge: Any) -> None:
    ada, bob = await edge.join(edge.team.ada), await edge.join(edge.team.bob)
    count = 500
    for number in range(count):
        ada.say("send_message", str(number), channelId=edge.team.general.id, content=f"m{number}")
    answered = [await ada.hear("reply") for _ in range(count)]
    assert [reply["id"] for reply in answered] == [str(number) for number in range(count)]
    heard = [(await bob.hear("message_received"))["data"]["message"]["content"] for _ in range(count)]
    assert heard == [f"m{number}" for number in range(count)]


async def test_the_specifications_rates_hold_on_sockets(make_edge: Any) -> None:
    async with make_edge(rate_limits="default") as edge:
        ada = await edge.join(edge.team.ada)
        for _ in range(30):
            assert (await ada.ask("typing_start", channelId=edge.team.general.id))["ok"]
        refused = await ada.ask("typing_stop", channelId=edge.team.general.id)
        assert refused["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert refused["error"]["details"]["retryAfter"] > 0
        assert (await ada.ask("send_message", channelId=edge.team.general.id, content="x"))["ok"]


async def test_too_many_frames_close(make_edge: Any) -> None:
    async with make_edge(pace=Pace(frames_per_second=1, frames_at_once=20)) as edge:
        ada = await edge.join(edge.team.ada)
        for _ in range(40):
            ada.say("nonsense")
        assert await ada.closed() == 4429
        last = ada.pending()[-1]
        assert last["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert ada.reason == f"retryAfter={last['error']['details']['retryAfter']}"


async def test_an_account_has_so_many_connections(make_edge: Any) -> None:
    async with make_edge(per_user=2) as edge:
        ada, other = [await edge.join(edge.team.ada) for _ in range(2)]
        more = edge.open(await edge.team.identity(edge.team.ada))
        assert await more.closed() == 4429
        assert more.reason == "retryAfter=30"
        assert more.pending()[-1]["error"]["details"] == {"retryAfter": 30}
        late = edge.open()
        reply = await late.ask("authenticate", accessToken=await edge.team.token(edge.team.ada))
        assert reply["error"]["code"] == "RATE_LIMIT_EXCEEDED"
        assert await late.closed() == 4429
        await edge.join(edge.team.bob)
        assert (await ada.ask("authenticate", accessToken=await edge.team.token(edge.team.ada)))["ok"]
        other.hang_up()
        await trio.testing.wait_all_tasks_blocked()
        await edge.join(edge.team.ada)


@pytest.mark.parametrize("text", ["", "[]", "nope", "7"])
async def test_what_is_no_object_closes(edge: Any, text: str) -> None:
    ada = await edge.join(edge.team.ada)
    ada.say_text(text)
    assert await ada.closed() == 4400


async def test_a_fault_of_ours_is_said_so_and_ends_nothing(
    edge: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await edge.join(edge.team.ada)

    async def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(type(edge.team.chat.reads), "mark", broken)
    reply = await ada.ask("mark_read", channelId=edge.team.general.id, messageId=edge.team.general.id)
    assert reply["error"]["code"] == "INTERNAL_ERROR"
    assert "ZeroDivisionError" not in json.dumps(reply)
    assert "on purpose" in caplog.text
    assert (await ada.ask("send_message", channelId=edge.team.general.id, content="x"))["ok"]


# --- workspaces ------------------------------------------------------------------------------------------------------


async def test_before_joining_and_after_leaving_there_is_silence(edge: Any) -> None:
    team = edge.team
    ada, bob = await edge.join(team.ada), edge.open(await team.identity(team.bob))
    assert (await ada.ask("send_message", channelId=team.general.id, content="1"))["ok"]
    await bob.ask("join_workspace", workspaceId=team.workspace.id)
    await ada.ask("send_message", channelId=team.general.id, content="2")
    await ada.hear("message_received")
    assert (await bob.hear("message_received"))["data"]["message"]["content"] == "2"
    assert (await bob.ask("leave_workspace", workspaceId=team.workspace.id))["ok"]
    await ada.ask("send_message", channelId=team.general.id, content="3")
    await trio.testing.wait_all_tasks_blocked(0.02)
    assert bob.pending() == []
    assert (await bob.ask("leave_workspace", workspaceId=team.workspace.id))["ok"]


async def test_strangers_do_not_get_in(edge: Any) -> None:
    chat = edge.team.chat
    eve = await chat.users.create(email="eve@example.org", display_name="Eve")
    socket = edge.open(await edge.team.identity(eve))
    refused = await socket.ask("join_workspace", workspaceId=edge.team.workspace.id)
    nothing = await socket.ask("join_workspace", workspaceId="ffffffff-ffff-7fff-8fff-ffffffffffff")
    assert refused == nothing
    assert refused["error"]["code"] == "RESOURCE_NOT_FOUND"


async def test_who_is_removed_hears_that_and_nothing_more(edge: Any) -> None:
    team = edge.team
    ada, cyd = await edge.join(team.ada), await edge.join(team.cyd)
    await team.chat.members.remove(team.workspace, team.cyd, actor=team.ada)
    assert (await cyd.hear("member_left"))["data"]["userId"] == team.cyd.id
    await ada.ask("send_message", channelId=team.general.id, content="gone?")
    await ada.hear("message_received")
    assert cyd.pending() == []
    refused = await cyd.ask("join_workspace", workspaceId=team.workspace.id)
    assert refused["error"]["code"] == "RESOURCE_NOT_FOUND"
    await team.chat.members.add(team.workspace, team.cyd)
    assert (await cyd.ask("join_workspace", workspaceId=team.workspace.id))["ok"]


async def test_joining_again_is_harmless(edge: Any) -> None:
    team = edge.team
    ada = await edge.join(team.ada)
    assert (await ada.ask("join_workspace", workspaceId=team.workspace.id))["ok"]
    await ada.ask("send_message", channelId=team.general.id, content="once")
    await trio.testing.wait_all_tasks_blocked(0.02)
    assert len([frame for frame in ada.pending() if frame["type"] == "message_received"]) <= 1


# --- life ------------------------------------------------------------------------------------------------------------


async def test_a_peer_that_pongs_is_kept_and_one_that_does_not_is_closed(
    edge: Any, autojump_clock: trio.testing.MockClock
) -> None:
    identity = attrs.evolve(await edge.team.identity(edge.team.ada), expires_at=None)
    alive, dead, elsewhere = edge.open(identity), edge.open(identity), edge.open(identity, can_ping=False)

    async def answer() -> None:
        answered = 0
        while True:
            if alive.pings > answered:
                answered = alive.pings
                alive.pong()
            await trio.sleep(1)

    edge.nursery.start_soon(answer)
    began = trio.current_time()
    assert await dead.closed() == 4002
    assert PING_SECONDS + PONG_SECONDS <= trio.current_time() - began < PING_SECONDS + PONG_SECONDS + 1
    await trio.sleep(200)
    assert alive.close_code == 0
    assert alive.pings >= 9
    assert (elsewhere.close_code, elsewhere.pings) == (0, 0)


async def test_presence_follows_connections(edge: Any, autojump_clock: trio.testing.MockClock) -> None:
    team = edge.team
    ada = await edge.join(team.ada, can_ping=False)
    bob = await edge.join(team.bob)
    assert (await ada.hear("presence_update"))["data"] | {"lastSeen": None} == {
        "userId": team.bob.id,
        "status": "online",
        "lastSeen": None,
    }
    bob.hang_up()
    await trio.sleep(60)
    known = {each.user_id: each.status for each in await team.chat.presence.list(team.workspace, actor=team.ada)}
    assert known[team.bob.id] is PresenceStatus.OFFLINE
    assert known[team.ada.id] is PresenceStatus.ONLINE


async def test_observers_are_told_of_connections(make_edge: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    class Watcher:
        @hookimpl
        async def connection_opened(self, connection_id: str, user_id: str) -> None:
            seen.append(("opened", connection_id, user_id))

        @hookimpl
        async def connection_closed(self, connection_id: str, user_id: str, code: int) -> None:
            seen.append(("closed", connection_id, user_id, code))

    async with make_edge(plugins=[Watcher()]) as edge:
        anonymous, ada = edge.open(), edge.open(await edge.team.identity(edge.team.ada))
        connection_id = (await ada.hear("hello"))["data"]["connectionId"]
        ada.hang_up(1001)
        anonymous.hang_up()
        await until(lambda: len(seen) == 2)
        assert seen == [("opened", connection_id, edge.team.ada.id), ("closed", connection_id, edge.team.ada.id, 1001)]


async def test_nothing_of_a_connection_stays_behind(edge: Any) -> None:
    sockets = [await edge.join(user) for user in (edge.team.ada, edge.team.bob, edge.team.bob)]
    assert edge.gateway.connections == 3
    for socket in sockets:
        socket.hang_up()
    await until(lambda: edge.gateway.connections == 0)
    gateway = edge.gateway
    assert gateway._by_user == {}
    assert gateway.rooms.find(edge.team.workspace.id) is None
    assert gateway.deadlines._where == {}
    assert gateway.tally.closed[1000] == 3


async def test_a_stop_answers_what_was_begun_and_says_1012(edge: Any) -> None:
    team = edge.team
    ada, bob = await edge.join(team.ada), await edge.join(team.bob)
    for number in range(20):
        ada.say("send_message", str(number), channelId=team.general.id, content=str(number))
    await ada.hear("reply")
    edge.gateway.stop()
    assert await ada.closed() == await bob.closed() == 1012
    stored = await team.chat.messages.history(team.general, actor=team.ada)
    replies = 1 + len([frame for frame in ada.pending() if frame["type"] == "reply"])
    assert replies == len(stored.messages)
    late = edge.open()
    assert await late.closed() == 1012


@pytest.mark.parametrize(("count", "longest"), [(60, 0), (450, 4), (6000, 29)])
async def test_a_stop_lets_clients_come_back_one_after_the_other(edge: Any, count: int, longest: int) -> None:
    stand_ins = [StandIn() for _ in range(count)]
    edge.gateway._connections.update(stand_ins)
    edge.gateway.stop()
    edge.gateway._connections.clear()
    told = Counter(each.come_back for each in stand_ins)
    assert sorted(told) == list(range(longest + 1))
    whole = [told[second] for second in range(longest)]
    assert all(abs(each - max(100, count / 30)) < 1 for each in whole)


async def test_when_to_come_back_is_in_the_goodbye(edge: Any) -> None:
    ada = await edge.join(edge.team.ada)
    (connection,) = edge.gateway._connections
    connection.stop(12)
    assert await ada.closed() == 1012
    assert ada.reason == "the server restarts; retryAfter=12"


class StandIn:
    """Stands for a connection that is only told to stop."""

    def stop(self, come_back: int) -> None:
        self.come_back = come_back
