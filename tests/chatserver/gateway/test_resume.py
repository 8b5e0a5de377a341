"""Coming back with a cursor: each event once, in order, or nothing of it at all."""

import random
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from tests.chatserver.gateway.conftest import FakeSocket, edge_of, make_team
from tests.chatserver.net.waiting import until
from trio.testing import MockClock

from chatcore.model import Position
from chatcore.testing.exchange import Exchange
from chatcore.testing.nodes import open_nodes
from chatserver.gateway import resume
from chatserver.gateway.resume import Holding
from chatserver.net.batch import Batch, Text


def seqs(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames if "seq" in frame]


async def events_of(edge: Any, user: Any, since: int) -> list[int]:
    """What the user may have received after `since`, by the log."""
    hub, workspace = edge.team.chat.hub, edge.team.workspace
    position = await hub.position(workspace.id)
    start = Position(epoch=position.epoch, seq=since)
    pages = await hub.replay(workspace.id, user.id, start, position.seq)
    assert pages is not None
    return [envelope.seq async for page in pages for envelope in page]


async def come_back(edge: Any, user: Any, cursor: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    socket = edge.open(await edge.team.identity(user))
    reply = await socket.ask("join_workspace", workspaceId=edge.team.workspace.id, since=cursor)
    return socket, reply


async def test_what_was_missed_comes_before_the_reply_in_order_and_once(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    missed = [await team.chat.messages.send(team.general, author=team.ada, content=str(number)) for number in range(20)]
    await team.chat.messages.send(team.secret, author=team.ada, content="not for Cyd")
    cyd = edge.open(await team.identity(team.cyd))
    cyd.say("join_workspace", "j", workspaceId=team.workspace.id, since={"epoch": position.epoch, "seq": position.seq})
    frames: list[dict[str, Any]] = []
    while not frames or frames[-1]["type"] != "reply":
        frames.append(await cyd.hear())
    events = [frame for frame in frames if frame["type"] == "message_received"]
    assert [event["data"]["message"]["id"] for event in events] == [message.id for message in missed]
    assert frames[-1]["data"] == {"epoch": position.epoch, "seq": position.seq + 21, "resumed": True}
    after = await team.chat.messages.send(team.general, author=team.ada, content="live")
    assert (await cyd.hear("message_received"))["seq"] == after.seq


async def test_who_missed_nothing_resumes_too(edge: Any) -> None:
    position = await edge.team.chat.hub.position(edge.team.workspace.id)
    _, reply = await come_back(edge, edge.team.cyd, {"epoch": position.epoch, "seq": position.seq})
    assert reply["data"] == {"epoch": position.epoch, "seq": position.seq, "resumed": True}


@pytest.mark.parametrize("cursor", [{"epoch": "another", "seq": 1}, {"seq": 10**9}])
async def test_a_cursor_that_means_nothing_here_begins_afresh(edge: Any, cursor: dict[str, Any]) -> None:
    position = await edge.team.chat.hub.position(edge.team.workspace.id)
    socket, reply = await come_back(edge, edge.team.cyd, {"epoch": position.epoch} | cursor)
    assert reply["data"] == {"epoch": position.epoch, "seq": position.seq, "resumed": False}
    assert seqs(socket.pending()) == []


@pytest.mark.own_storage
async def test_who_comes_from_a_node_that_is_ahead_resumes_and_hears_nothing_again(autojump_clock: MockClock) -> None:
    exchange = Exchange()
    async with open_nodes(2, exchange=exchange) as nodes:
        ahead, behind = nodes.chats
        team = await make_team(ahead)
        async with edge_of(attrs.evolve(team, chat=behind)) as edge:
            exchange.freeze("node 2")
            cyd = await edge.join(team.cyd)
            for number in range(5):
                await ahead.messages.send(team.general, author=team.ada, content=str(number))
            told = await ahead.hub.position(team.workspace.id)
            assert (await behind.hub.position(team.workspace.id)).seq == told.seq - 5
            socket, reply = await come_back(edge, team.cyd, {"epoch": told.epoch, "seq": told.seq})
            assert reply["data"] == {"epoch": told.epoch, "seq": told.seq, "resumed": True}
            await trio.sleep(2.1)
            assert "message_received" not in [frame["type"] for frame in socket.pending()]
            assert [frame["type"] for frame in cyd.pending()].count("message_received") == 5


async def test_a_window_that_has_passed_begins_afresh_and_gives_no_part(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    for number in range(5):
        await team.chat.messages.send(team.general, author=team.ada, content=str(number))
    later = team.chat.clock.now().replace(year=2100)
    assert await team.chat.storage.write(lambda tx: tx.events.trim(later)) > 0
    socket, reply = await come_back(edge, team.cyd, {"epoch": position.epoch, "seq": position.seq})
    assert reply["data"]["resumed"] is False
    assert seqs(socket.pending()) == []


async def test_what_was_deleted_does_not_come_back(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    message = await team.chat.messages.send(team.general, author=team.ada, content="regretted")
    await team.chat.messages.delete(message, actor=team.ada)
    socket, reply = await come_back(edge, team.cyd, {"epoch": position.epoch, "seq": position.seq})
    assert reply["data"]["resumed"] is True
    assert "regretted" not in str(socket.pending())


async def test_what_may_no_longer_be_read_is_not_replayed(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    await team.chat.messages.send(team.secret, author=team.ada, content="was his to read")
    await team.chat.channels.remove_member(team.secret, team.bob, actor=team.ada)
    socket, _ = await come_back(edge, team.bob, {"epoch": position.epoch, "seq": position.seq})
    assert "was his to read" not in str(socket.pending())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("small", [False, True])
async def test_clients_that_come_and_go_get_each_event_once_in_order(
    edge: Any, seed: int, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:
        # So little is held that catching up overflows again and again, and goes back to the log.
        monkeypatch.setattr(resume, "QUEUE_LIMIT", 1500)
        monkeypatch.setattr(resume, "PAGE_BYTES", 700)
    team, chance = edge.team, random.Random(seed)
    start = await team.chat.hub.position(team.workspace.id)
    users = [team.ada, team.bob, team.cyd, team.gil]
    heard: dict[str, list[int]] = {user.id: [] for user in users}
    writing = True

    async def write() -> None:
        nonlocal writing
        for number in range(300):
            channel, author = chance.choice(
                [(team.general, team.ada), (team.general, team.cyd), (team.secret, team.bob), (team.lounge, team.gil)]
            )
            await team.chat.messages.send(channel, author=author, content=f"m{number}")
            if chance.random() < 0.3:
                await trio.sleep(0.001)
        writing = False

    async def follow(user: Any) -> None:
        cursor = {"epoch": start.epoch, "seq": start.seq}
        while writing or cursor["seq"] < (await team.chat.hub.position(team.workspace.id)).seq:
            socket, reply = await come_back(edge, user, cursor)
            assert reply["data"]["resumed"]
            await trio.sleep(chance.random() * 0.03)
            socket.hang_up()
            frames = [frame for frame in socket.pending() if "seq" in frame]
            heard[user.id] += seqs(frames)
            cursor["seq"] = max([reply["data"]["seq"], *seqs(frames)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        for user in users:
            nursery.start_soon(follow, user)
    for user in users:
        assert heard[user.id] == await events_of(edge, user, start.seq), user.display_name
        assert len(heard[user.id]) > 50


async def test_a_reader_who_takes_its_time_is_waited_for(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    for number in range(30):
        await team.chat.messages.send(team.general, author=team.ada, content=f"{number}" + "x" * 3900)
    cyd = edge.open(await team.identity(team.cyd))
    cyd.stall()
    cyd.say("join_workspace", "j", workspaceId=team.workspace.id, since={"epoch": position.epoch, "seq": position.seq})
    live = await team.chat.messages.send(team.general, author=team.ada, content="live")
    await trio.sleep(0.2)
    assert not any(frame["type"] == "reply" for frame in cyd._heard)
    cyd.flow()
    heard: list[int] = []
    while (frame := await cyd.hear())["type"] != "reply":
        heard += seqs([frame])
    if frame["data"]["seq"] < live.seq:
        heard.append((await cyd.hear("message_received"))["seq"])
    assert heard == await events_of(edge, team.cyd, position.seq)


async def test_a_socket_that_goes_while_it_catches_up_leaves_nothing_behind(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    await team.chat.messages.send(team.general, author=team.ada, content="x")
    cyd = edge.open(await team.identity(team.cyd))
    cyd.stall()
    cyd.say("join_workspace", workspaceId=team.workspace.id, since={"epoch": position.epoch, "seq": position.seq})
    await trio.sleep(0.1)
    assert edge.gateway.rooms.find(team.workspace.id) is not None
    cyd.hang_up()
    await until(lambda: edge.gateway.rooms.find(team.workspace.id) is None and not edge.gateway.connections)


def test_what_is_held_is_bounded() -> None:
    holding, piece = Holding(), Batch([Text(b"x" * 1000, seq) for seq in (1, 2)])
    for _ in range(2000):
        holding.write(piece)
    assert holding.overflowed
    assert holding._texts == []
    holding.begin_again()
    holding.write(piece)
    assert not holding.overflowed


async def test_what_was_on_its_way_to_the_stand_in_is_passed_on_once_and_in_order() -> None:
    holding, socket = Holding(), FakeSocket()
    holding.write(Batch([Text(b"1", 1), Text(b"2", 2), Text(b"0")]))
    holding.give_way(socket, 1)
    holding.write(Batch([Text(b"1", 1)]))
    holding.write(Batch([Text(b"3", 3), Text(b"4", 4)]))
    assert socket.pending() == [2, 0, 3, 4]


async def test_the_log_is_read_for_a_few_at_a_time(edge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    team, reading, most = edge.team, 0, 0
    position = await team.chat.hub.position(team.workspace.id)
    sent = [await team.chat.messages.send(team.general, author=team.ada, content=str(number)) for number in range(5)]
    page = team.chat.hub.page

    async def watched(*arguments: Any) -> Any:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        await trio.sleep(0.001)
        try:
            return await page(*arguments)
        finally:
            reading -= 1

    monkeypatch.setattr(team.chat.hub, "page", watched)

    async def come() -> None:
        socket, reply = await come_back(edge, team.cyd, {"epoch": position.epoch, "seq": position.seq})
        assert reply["data"]["resumed"]
        assert len([frame for frame in socket.pending() if "seq" in frame]) == len(sent)

    async with trio.open_nursery() as nursery:
        for _ in range(5 * resume.READS_AT_ONCE):
            nursery.start_soon(come)
    assert most == resume.READS_AT_ONCE


async def test_those_who_do_not_read_keep_nobody_from_coming_back(edge: Any) -> None:
    team = edge.team
    position = await team.chat.hub.position(team.workspace.id)
    await team.chat.messages.send(team.general, author=team.ada, content="missed")
    cursor = {"epoch": position.epoch, "seq": position.seq}
    for _ in range(2 * resume.READS_AT_ONCE):
        slow = edge.open(await team.identity(team.cyd))
        slow.stall()
        slow.say("join_workspace", workspaceId=team.workspace.id, since=cursor)
    await trio.testing.wait_all_tasks_blocked()
    with trio.fail_after(5):
        _, reply = await come_back(edge, team.bob, cursor)
    assert reply["data"]["resumed"]
