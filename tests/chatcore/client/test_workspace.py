"""A workspace, followed through every interruption."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from tests.chatcore.client.house import House

from chatcore.client import Resynced, Workspace, inbox
from chatcore.client import workspace as workspace_module
from chatcore.client.faults import Unreachable
from chatcore.errors import Forbidden, NotFound, Unavailable, ValidationFailed
from chatcore.events import MemberLeft, MessageReceived, Typing
from chatcore.model import ChannelType, Position, PresenceStatus, Role
from chatcore.state import State
from chatcore.testing.oracle import differences, read_state


async def heard(workspace: Workspace, until: str) -> list[str]:
    """What was said, up to and with this."""
    found: list[str] = []
    with trio.fail_after(20):
        async for event in workspace.events():
            if isinstance(event, MessageReceived):
                found.append(event.message.content)
                if found[-1] == until:
                    return found
    raise AssertionError(f"the events ended: {found}")


async def test_what_is_said_is_heard(home: House) -> None:
    async with home.client() as client, client.workspace("team") as ws:
        sent = await ws.send("general", "Hello")
        assert (sent.user_id, sent.content, sent.channel_id) == (home.ben.id, "Hello", home.general.id)
        await home.chat.messages.send(home.general, author=home.ada, content="Hi Ben")
        assert await heard(ws, "Hi Ben") == ["Hello", "Hi Ben"]
        assert ws.state.channels[home.general.id].unread_count == 1
        page = await client.messages.history(home.general.id)
        assert [message.content for message in page.messages] == ["Hi Ben", "Hello"]


async def test_everything_one_can_do_over_the_socket(home: House) -> None:
    async with home.client() as client, client.workspace("team") as ws:
        first = await ws.send(home.general, "first")
        assert (await ws.edit(first, "second")).content == "second"
        await ws.react(first.id, "👍")
        assert [each.emoji for each in (await client.messages.get(first.id)).reactions] == ["👍"]
        await ws.unreact(first, "👍")
        assert (await client.messages.get(first.id)).reactions == ()
        reply = await ws.send("#general", "reply", thread_id=first.id)
        assert reply.thread_id == first.id
        asked = await home.chat.messages.send(home.general, author=home.ada, content="read me")
        assert (await ws.mark_read(asked)).unread_count == 0
        await ws.delete(reply)
        with pytest.raises(NotFound):
            await client.messages.get(reply.id)
        ws.present(PresenceStatus.AWAY)
        await ws.typing("general")


async def test_refusals_are_the_errors_of_the_core(home: House) -> None:
    async with home.client() as client, client.workspace("team") as ws:
        with pytest.raises(ValidationFailed, match="content"):
            await ws.send("general", "")
        with pytest.raises(NotFound, match="no channel 'nowhere'"):
            await ws.send("nowhere", "Hello")
        theirs = await home.chat.messages.send(home.general, author=home.ada, content="mine")
        with pytest.raises(Forbidden, match="Only its author"):
            await ws.edit(theirs, "yours")
        with pytest.raises(NotFound, match="you are in: team"):
            async with client.workspace("other"):
                raise AssertionError("opened")


async def test_nothing_is_lost_or_doubled_when_the_cable_is_cut(home: House) -> None:
    interruptions: list[str] = []

    def waiting(reason: str, delay: float) -> None:
        interruptions.append(reason)

    async with (
        home.client(url=home.cable.url) as client,
        client.workspace("team", waiting=waiting) as ws,
        trio.open_nursery() as nursery,
    ):

        async def cut() -> None:
            for _ in range(10):
                await trio.sleep(0.05)
                home.cable.cut()

        async def talk(name: str) -> None:
            for number in range(40):
                await ws.send("general", f"{name} {number}")
                await trio.sleep(0.005)

        nursery.start_soon(cut)
        async with trio.open_nursery() as talking:
            for name in "abcde":
                talking.start_soon(talk, name)
        nursery.cancel_scope.cancel()
        await ws.send("general", "end")
        said = await heard(ws, "end")
        assert sorted(said) == sorted([f"{name} {number}" for name in "abcde" for number in range(40)] + ["end"])
        assert len(interruptions) > 3
        assert [each async for each in own_order(said)] == []


async def test_it_does_not_insist_for_ever(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_module, "INSIST_SECONDS", 0.3)
    async with home.client(url=home.cable.url) as client, client.workspace("team") as ws:
        home.cable.down = True
        home.cable.cut()
        with trio.fail_after(10), pytest.raises(Unreachable, match="gave no answer"):
            await ws.send("general", "is anybody there?")
        home.cable.down = False
        await ws.send("general", "again")
        assert await heard(ws, "again") == ["again"]


async def own_order(said: list[str]) -> AsyncIterator[str]:
    """Who was not heard in the order in which they spoke."""
    for name in "abcde":
        mine = [int(each.split()[1]) for each in said if each.startswith(f"{name} ")]
        if mine != sorted(mine):
            yield name


async def test_a_cursor_goes_on_where_it_was(home: House) -> None:
    async with home.client() as client:
        async with client.workspace("team") as ws:
            await ws.send("general", "one")
            await ws.send("general", "two")
            assert await heard(ws, "one") == ["one"]
            position = ws.position
        async with client.workspace("team", since=position) as ws:
            await ws.send("general", "three")
            assert await heard(ws, "three") == ["two", "three"]


async def test_who_was_away_for_too_long_is_told(home: House) -> None:
    async with home.client() as client, client.workspace("team", since=Position(epoch="gone", seq=1)) as ws:
        async for event in ws.events():
            assert isinstance(event, Resynced)
            break
        await ws.send("general", "after")
        assert await heard(ws, "after") == ["after"]


async def test_who_gives_up_while_the_state_is_read_is_told_the_next_time(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = workspace_module.read_state, 0

    async def slow(*given: Any) -> State:
        nonlocal asked
        asked += 1
        if asked == 1:
            await trio.sleep_forever()
        if asked == 2:
            raise Unavailable("the server restarts")
        return await read(*given)

    reasons: list[str] = []
    lost = Position(epoch="another", seq=1)
    async with (
        home.client() as client,
        client.workspace("team", since=lost, waiting=lambda why, delay: reasons.append(why)) as ws,
    ):
        monkeypatch.setattr(workspace_module, "read_state", slow)
        with trio.move_on_after(0.05):
            await ws.next_event()
        with trio.fail_after(10):
            assert isinstance(await ws.next_event(), Resynced)
        assert (asked, reasons) == (3, ["the server restarts"])


async def test_frames_are_the_events_as_they_came(home: House) -> None:
    """With the state kept as it is by `events`, and ending with one's own leaving."""
    async with home.client() as client, client.workspace("team") as ws:
        sent = await ws.send("general", "hello")
        stream = ws.frames()
        frame = await anext(stream)
        assert (frame["type"], frame["seq"], frame["workspaceId"]) == ("message_received", sent.seq, ws.id)
        assert frame["data"]["message"]["content"] == "hello"
        assert ws.position.seq == sent.seq
        made = await home.chat.channels.create(home.team, name="news", actor=home.ada)
        while made.id not in ws.state.channels:
            await anext(stream)
        await home.chat.members.remove(home.team, home.ben, actor=home.ada)
        assert [each["type"] async for each in stream if each.get("seq")][-1] == "member_left"


async def test_a_slow_reader_loses_nothing_and_is_not_in_its_own_way(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspace_module, "Inbox", lambda: inbox.Inbox(max_frames=10))
    async with home.client() as client, client.workspace("team") as ws:
        for number in range(100):
            # More than it takes is in its way, and its own sends are answered all the same.
            with trio.fail_after(10):
                await ws.send("general", str(number))
        assert await heard(ws, "99") == [str(number) for number in range(100)]
        await ws.send("general", "live again")
        assert await heard(ws, "live again") == ["live again"]


async def test_removal_ends_the_events(home: House) -> None:
    async with home.client() as client, client.workspace("team") as ws:
        await home.chat.members.remove(home.team, home.ben, actor=home.ada)
        with trio.fail_after(10):
            seen = [event async for event in ws.events()]
        assert isinstance(seen[-1], MemberLeft)
        home.cable.cut()


async def test_who_is_removed_meanwhile_hears_that_coming_back_is_of_no_use(home: House) -> None:
    async with home.client(url=home.cable.url) as client, client.workspace("team") as ws:
        home.cable.down = True
        home.cable.cut()
        await home.chat.members.remove(home.team, home.ben, actor=home.ada)
        home.cable.down = False
        with trio.fail_after(10), pytest.raises(NotFound):
            async for _ in ws.events():
                pass
        with pytest.raises(NotFound):
            await ws.send(home.general, "still here?")


async def test_another_role_reads_the_workspace_afresh(home: House) -> None:
    hidden = await home.chat.channels.create(home.team, name="open", actor=home.ada)
    async with home.client() as client, client.workspace("team") as ws:
        assert hidden.id in ws.state.channels
        await home.chat.members.set_role(home.team, home.ben.id, Role.GUEST, actor=home.ada)
        with trio.fail_after(10):
            async for event in ws.events():
                if isinstance(event, Resynced):
                    break
        assert hidden.id not in ws.state.channels


async def test_a_socket_outlives_its_access_token(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatcore.client import link, open_client

    monkeypatch.setattr(link, "lasts", lambda token: 0.2)
    renewals = 0

    def keep(tokens: object) -> None:
        nonlocal renewals
        renewals += 1

    async with (
        open_client(home.url, email="ben@example.org", password="correct horse battery", keep=keep) as client,
        client.workspace("team") as ws,
    ):
        await trio.sleep(0.6)
        await ws.send("general", "still signed in")
        assert renewals >= 3


async def test_the_state_follows_what_happens(home: House) -> None:
    """A random life, over a cable that is cut: what the client made of the events is what one would read afresh."""
    rng = random.Random(5)
    chat, ada, ben = home.chat, home.ada, home.ben
    async with home.client(url=home.cable.url) as client, client.workspace("team") as ws:
        for round_ in range(60):
            await something_happens(home, rng, round_)
            if rng.random() < 0.2:
                home.cable.cut()
            if rng.random() < 0.1:
                await ws.read_state()
        await chat.messages.send(home.general, author=ada, content="end")
        await heard(ws, "end")
        fresh = await read_state(chat, ben, home.team)
        # Presence has no place in the log: the cuts lose some of it.
        assert [each for each in differences(ws.state, fresh) if not each.startswith("presence")] == []


async def something_happens(home: House, rng: random.Random, round_: int) -> None:
    chat, ada, ben = home.chat, home.ada, home.ben
    match rng.randrange(6):
        case 0:
            await chat.channels.create(
                home.team,
                name=f"room-{round_}",
                actor=rng.choice([ada, ben]),
                type=rng.choice([ChannelType.PUBLIC, ChannelType.PRIVATE]),
            )
        case 1 | 2:
            await chat.messages.send(home.general, author=rng.choice([ada, ben]), content=f"{round_} <@{ben.id}>")
        case 3:
            who = await chat.users.create(email=f"new{round_}@example.org", display_name=f"New {round_}")
            await chat.members.add(home.team, who)
        case 4:
            page = await chat.messages.history(home.general, actor=ben, limit=5)
            if page.messages:
                await chat.messages.delete(rng.choice(page.messages).id, actor=ada)
        case _:
            page = await chat.messages.history(home.general, actor=ben, limit=5)
            if page.messages:
                await chat.reads.mark(home.general, rng.choice(page.messages).id, actor=ben)


async def test_typing_is_told(home: House) -> None:
    async with home.client() as client, client.workspace("team", state=False) as ws:
        await home.chat.typing.set(home.general, True, actor=home.ada)
        with trio.fail_after(5):
            async for event in ws.events():
                assert isinstance(event, Typing)
                break
        with pytest.raises(RuntimeError, match="state=True"):
            assert ws.state


async def test_what_is_closed_says_so(home: House) -> None:
    async with home.client() as client:
        async with client.workspace("team") as ws:
            sent = await ws.send("general", "hello")
        with trio.fail_after(5):
            with pytest.raises(Unavailable, match="inside of `async with"):
                await ws.send("general", "too late")
            # What had come is still there.
            assert isinstance(event := await ws.next_event(), MessageReceived)
            assert event.message.id == sent.id
            with pytest.raises(Unavailable, match="inside of `async with"):
                await ws.next_event()
