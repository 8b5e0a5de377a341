"""Devices in huddles: who is gone, who is back, and the end of what is empty."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from tests.chatcore.service.conftest import Team
from trio.testing import MockClock

from chatcore import open_chat
from chatcore.chat import Chat
from chatcore.errors import Forbidden, ValidationFailed
from chatcore.events import HuddleEnded, HuddleRejoin, HuddleUserJoined, HuddleUserLeft, MessageReceived
from chatcore.hooks import hookimpl
from chatcore.model import Huddle, HuddleStatus, User
from chatcore.ports import MediaRestarted, Provider, ProviderContext, Storage, Tx
from chatcore.service import huddle_keeper
from chatcore.service.hub import CHECK_SECONDS
from chatcore.service.huddle_devices import BY_REQUESTS, REJOIN_SECONDS, REQUEST_SECONDS, STILL_SECONDS
from chatcore.service.huddle_keeper import GRACE_SECONDS, IDLE_SECONDS, SCAN_SECONDS
from chatcore.service.huddle_steps import MAX_DEVICES
from chatcore.testing.clock import FakeClock


@pytest.fixture
async def chat(clock: FakeClock) -> AsyncIterator[Chat]:
    async with open_chat("memory:", clock=clock) as chat:
        yield chat


async def present(team: Team, huddle: Huddle) -> set[str]:
    view = await team.chat.huddles.get(huddle, actor=team.owner)
    return {card.display_name for card in view.participants}


async def by_socket(team: Team, huddle: Huddle, person: User, connection: str, device: str = "laptop") -> None:
    team.chat.huddles.connection_opened(person.id, connection)
    await team.chat.huddles.join(huddle, actor=person, device_id=device, connection=connection)


async def test_who_comes_back_in_time_was_never_away(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await by_socket(team, huddle, team.ann, "one")
    seq = await team.seq()
    team.chat.huddles.connection_closed(team.ann.id, "one")
    await trio.sleep(REJOIN_SECONDS - 0.5)
    team.clock.jump(3600)
    await by_socket(team, huddle, team.ann, "two")
    await trio.sleep(60)
    assert await team.events(seq) == []
    assert await present(team, huddle) == {"Owner", "Ann"}


async def test_who_does_not_come_back_has_left(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await by_socket(team, huddle, team.ann, "one")
    seq = await team.seq()
    team.chat.huddles.connection_closed(team.ann.id, "one")
    await trio.sleep(REJOIN_SECONDS - 0.5)
    assert await team.events(seq) == []
    await trio.sleep(1)
    (left,) = await team.events(seq)
    assert isinstance(left, HuddleUserLeft)
    assert left.user_id == team.ann.id


async def test_a_socket_that_closed_during_the_join_does_not_hold_a_device(
    team: Team, autojump_clock: MockClock
) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await team.chat.huddles.join(huddle, actor=team.ann, connection="closed before")
    await trio.sleep(REJOIN_SECONDS + 1)
    assert await present(team, huddle) == {"Owner"}


async def test_a_person_is_in_it_by_any_of_their_devices(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await by_socket(team, huddle, team.ann, "one", "laptop")
    await by_socket(team, huddle, team.ann, "two", "phone")
    view = await team.chat.huddles.get(huddle, actor=team.owner)
    assert view.devices[team.ann.id] == ("laptop", "phone")
    seq = await team.seq()
    await team.chat.huddles.leave(huddle, actor=team.ann, device_id="phone")
    assert await team.events(seq) == []
    team.chat.huddles.connection_closed(team.ann.id, "one")
    await trio.sleep(REJOIN_SECONDS + 1)
    assert [type(event) for event in await team.events(seq)] == [HuddleUserLeft]


async def test_there_is_a_limit_to_devices_and_their_names(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    for number in range(MAX_DEVICES):
        await team.chat.huddles.join(huddle, actor=team.ann, device_id=f"d{number}")
    with pytest.raises(Forbidden, match="devices"):
        await team.chat.huddles.join(huddle, actor=team.ann, device_id="one more")
    for name in ("", "x" * 65, "a\nb", "ü"):
        with pytest.raises(ValidationFailed, match="deviceId"):
            await team.chat.huddles.join(huddle, actor=team.ann, device_id=name)


async def test_requests_hold_a_device_for_a_while_and_a_socket_for_longer(
    team: Team, autojump_clock: MockClock
) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    for person in (team.ann, team.guest):
        await team.chat.huddles.join(huddle, actor=person, connection=BY_REQUESTS)
    team.chat.huddles.connection_opened(team.guest.id, "elsewhere")
    await trio.sleep(REQUEST_SECONDS - 1)
    assert await present(team, huddle) == {"Owner", "Ann", "Guest"}
    await trio.sleep(2)
    assert await present(team, huddle) == {"Owner", "Guest"}
    team.chat.huddles.connection_closed(team.guest.id, "elsewhere")
    await trio.sleep(SCAN_SECONDS + 1)
    assert await present(team, huddle) == {"Owner"}


async def test_an_empty_huddle_waits_for_somebody_to_come_back(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.ann)).huddle
    seq = await team.seq()
    for _ in range(3):
        await team.chat.huddles.leave(huddle, actor=team.ann)
        await trio.sleep(GRACE_SECONDS - 1)
        team.clock.jump(-3600)
        assert (await team.chat.huddles.join(huddle, actor=team.ann)).huddle.status is HuddleStatus.ACTIVE
    assert {type(event) for event in await team.events(seq)} == {HuddleUserLeft, HuddleUserJoined}
    await team.chat.huddles.leave(huddle, actor=team.ann)
    await trio.sleep(GRACE_SECONDS - 1)
    assert (await team.chat.huddles.get(huddle, actor=team.ann)).huddle.status is HuddleStatus.ACTIVE
    await trio.sleep(2)
    assert (await team.chat.huddles.get(huddle, actor=team.ann)).huddle.status is HuddleStatus.ENDED


async def test_the_record_names_somebody_who_is_still_there(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.vault, actor=team.ann)).huddle
    await team.chat.huddles.join(huddle, actor=team.owner)
    await team.chat.channels.remove_member(team.vault, team.ann, actor=team.owner)
    await team.chat.huddles.leave(huddle, actor=team.owner)
    await trio.sleep(GRACE_SECONDS + 1)
    page = await team.chat.messages.history(team.vault, actor=team.owner)
    record = page.messages[0]
    assert record.user_id == team.owner.id
    with pytest.raises(Forbidden, match="not edited"):
        await team.chat.messages.edit(record, actor=team.owner, content="Nothing happened here")
    await team.chat.messages.delete(record, actor=team.owner)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Tx]:
    """How often all huddles were looked at."""
    looks: list[Tx] = []
    scan = huddle_keeper._scan

    async def counted(tx: Tx) -> huddle_keeper._Scan:
        looks.append(tx)
        return await scan(tx)

    monkeypatch.setattr(huddle_keeper, "_scan", counted)
    return looks


async def test_a_crowd_that_comes_and_goes_is_looked_at_a_few_times(
    team: Team, autojump_clock: MockClock, looks: list[Tx]
) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await trio.sleep(1)
    looks.clear()
    for _ in range(20):
        await by_socket(team, huddle, team.ann, "one")
        await trio.sleep(0.01)
        await team.chat.huddles.leave(huddle, actor=team.ann)
    await trio.sleep(1)
    assert len(looks) in range(1, 12)


async def test_where_no_huddle_goes_on_few_looks_are_taken(
    team: Team, autojump_clock: MockClock, looks: list[Tx]
) -> None:
    await trio.sleep(5 * IDLE_SECONDS)
    assert len(looks) in range(4, 8)
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    looks.clear()
    await trio.sleep(10 * SCAN_SECONDS)
    assert len(looks) >= 9
    await team.chat.huddles.leave(huddle, actor=team.owner)
    await trio.sleep(GRACE_SECONDS + 1)
    looks.clear()
    await trio.sleep(5 * IDLE_SECONDS)
    assert len(looks) in range(4, 8)


@pytest.fixture
def late(team: Team, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the keeper of huddles reads is a second old when it gets it; when it was read."""
    read = team.chat.storage.read
    times: list[float] = []

    async def read_late(work: Callable[[Tx], Awaitable[Any]], **about: Any) -> Any:
        found = await read(work, **about)
        if work is huddle_keeper._scan:
            times.append(trio.current_time())
            await trio.sleep(1)
        return found

    monkeypatch.setattr(team.chat.storage, "read", read_late)
    return times


async def until_read(chat: Chat, late: list[float]) -> None:
    """Wait until the keeper has read, half a second ago."""
    late.clear()
    chat.huddles._keeper.wake()
    while not late:  # noqa: ASYNC110  # there is no event to wait for
        await trio.sleep(0.01)
    await trio.sleep(0.5)


async def test_who_joins_while_the_keeper_reads_is_held(
    team: Team, autojump_clock: MockClock, late: list[float]
) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await until_read(team.chat, late)
    await by_socket(team, huddle, team.ann, "one", "laptop")
    seq = await team.seq()
    await trio.sleep(2 * STILL_SECONDS)
    assert await team.events(seq) == [], "the keeper took Ann out, who was there with a socket all the time"
    team.chat.huddles.connection_closed(team.ann.id, "one")
    await trio.sleep(REJOIN_SECONDS + 2)
    assert [type(event) for event in await team.events(seq)] == [HuddleUserLeft]


# --- several nodes ---------------------------------------------------------------------------------------------------


class Shared:
    """Provides a storage that is open already: a second node on the same database."""

    name = "shared"

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @hookimpl
    def register_providers(self) -> list[Provider]:
        @asynccontextmanager
        async def factory(context: ProviderContext) -> AsyncIterator[Storage]:
            yield self._storage

        return [Provider(kind="storage", name="shared", factory=factory, schemes=("shared",))]


async def test_another_node_takes_out_whose_node_is_gone_unless_they_come_back(
    team: Team, autojump_clock: MockClock
) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    async with open_chat("shared:", clock=team.clock, plugins=[Shared(team.chat.storage)]) as other:
        for person in (team.ann, team.guest):
            other.huddles.connection_opened(person.id, person.id)
            await other.huddles.join(huddle, actor=person, device_id="phone", connection=person.id)
        seq = await team.seq()
        await trio.sleep(10 * STILL_SECONDS)
        assert await team.events(seq) == [], "as long as a node lives, its devices are there"
    await trio.sleep(10)
    await by_socket(team, huddle, team.ann, "new", "phone")
    await trio.sleep(STILL_SECONDS)
    (left,) = await team.events(seq)
    assert isinstance(left, HuddleUserLeft)
    assert left.user_id == team.guest.id


async def test_media_that_is_lost_while_the_keeper_reads_of_the_huddle_is_told(
    team: Team, autojump_clock: MockClock, late: list[float]
) -> None:
    async with open_chat("shared:", clock=team.clock, plugins=[Shared(team.chat.storage)]) as other:
        await trio.sleep(10)  # the other's own looks are over
        await until_read(team.chat, late)
        huddle = (await other.huddles.start(team.room, actor=team.owner)).huddle
        async with team.chat.subscribe(team.ann, team.workspace) as heard:
            team.chat.huddles._keeper._happened(MediaRestarted(huddle_id=huddle.id, reason="the media process died"))
            with trio.fail_after(5):
                assert isinstance(await anext(heard), HuddleRejoin)


async def test_a_huddle_that_began_on_another_node_is_heard_of(team: Team, autojump_clock: MockClock) -> None:
    async with open_chat("shared:", clock=team.clock, plugins=[Shared(team.chat.storage)]) as other:
        await other.workspaces.get(team.workspace, actor=team.ann)
        await trio.sleep(1)
        assert other.huddles.active_count == 0
        await team.chat.huddles.start(team.room, actor=team.owner)
        await trio.sleep(CHECK_SECONDS + 1)
        assert other.huddles.active_count == 1


async def test_a_node_that_follows_nothing_ends_what_a_killed_one_left(
    chat: Chat, clock: FakeClock, autojump_clock: MockClock
) -> None:
    async with open_chat("shared:", clock=clock, plugins=[Shared(chat.storage)]) as other:
        ann = await other.users.create(email="ann@example.org")
        team = await other.workspaces.create(name="Team", slug="team", owner=ann)
        room = await other.channels.create(team, name="room", actor=ann)
        await trio.sleep(1)
        huddle = (await other.huddles.start(room, actor=ann)).huddle
    await trio.sleep(IDLE_SECONDS + STILL_SECONDS + GRACE_SECONDS + 2 * SCAN_SECONDS)
    assert (await chat.huddles.get(huddle, actor=ann)).huddle.status is HuddleStatus.ENDED


async def test_who_comes_back_by_way_of_another_node_was_never_away(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    await by_socket(team, huddle, team.ann, "one")
    seq = await team.seq()
    async with open_chat("shared:", clock=team.clock, plugins=[Shared(team.chat.storage)]) as other:
        team.chat.huddles.connection_closed(team.ann.id, "one")
        await trio.sleep(10)
        other.huddles.connection_opened(team.ann.id, "two")
        await other.huddles.join(huddle, actor=team.ann, device_id="laptop", connection="two")
        await trio.sleep(3 * STILL_SECONDS)
        assert await team.events(seq) == []


async def test_of_two_nodes_one_ends_a_huddle_and_writes_the_record(team: Team, autojump_clock: MockClock) -> None:
    huddle = (await team.chat.huddles.start(team.room, actor=team.owner)).huddle
    async with open_chat("shared:", clock=team.clock, plugins=[Shared(team.chat.storage)]):
        await team.chat.huddles.leave(huddle, actor=team.owner)
        seq = await team.seq()
        await trio.sleep(GRACE_SECONDS + SCAN_SECONDS + 1)
        assert [type(event) for event in await team.events(seq)] == [HuddleEnded, MessageReceived]
