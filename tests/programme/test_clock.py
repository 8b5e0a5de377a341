"""The wall clock jumps an hour either way: order is by seq, and what is timed goes by a clock that does not jump."""

from typing import Any

import pytest
import trio
from tests.chatserver.net.waiting import until
from tests.programme.hearing import Hearing, hear
from tests.programme.inside import Inside, Person, inside

from chatcore.model import Channel, Workspace
from chatcore.testing.clock import FakeClock

pytestmark = pytest.mark.programme

HOUR = 3600.0
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])


async def make_team(server: Inside) -> tuple[Person, Workspace, Channel]:
    owner = await server.person("owner")
    team = await server.chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
    (general,) = await server.chat.channels.list(team, actor=owner.id)
    return owner, team, general.channel


async def pages(server: Inside, person: Person, path: str) -> list[str]:
    """The texts of a list of messages, newest first, by pages of three."""
    found: list[str] = []
    before = ""
    while True:
        answer = await server.rest(person, "GET", f"{path}?limit=3{before}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [message["content"] for message in page["messages"]]
        if not page["hasMore"]:
            return found
        before = f"&before={page['nextCursor']}"


def heard(hearing: Hearing) -> list[dict[str, Any]]:
    return [event for event in hearing.events if event["type"] == "message_received"]


@JUMPS
async def test_order_is_by_seq_whatever_the_clock_says(jump: float) -> None:
    clock = FakeClock()
    async with inside(clock=clock) as server, trio.open_nursery() as nursery:
        owner, team, general = await make_team(server)
        hearing = await hear(server, nursery, owner, team.id)
        speaker = await server.socket(owner)
        said = [f"{number}" for number in range(12)]
        for number, text in enumerate(said):
            if number in (4, 8):  # there, and back again
                clock.jump(jump if number == 4 else -jump)
            assert (await speaker.ask("send_message", channelId=general.id, content=text))["ok"]
        await until(lambda: len(heard(hearing)) == len(said))
        events = heard(hearing)
        assert [event["data"]["message"]["content"] for event in events] == said
        seqs = [event["seq"] for event in events]
        assert seqs == sorted(set(seqs))
        times = [event["data"]["message"]["createdAt"] for event in events]
        assert times != sorted(times), "the clock did jump"
        assert await pages(server, owner, f"/api/channels/{general.id}/messages") == said[::-1]

        # A cursor from before the jumps gets what followed it, in the same order.
        again = await server.socket(owner)
        since = {"epoch": server.chat.storage.epoch, "seq": seqs[2]}
        await again.say("join_workspace", "join", workspaceId=team.id, since=since)
        replayed = []
        while (frame := await again.hear()).get("id") != "join":
            replayed.append(frame)
        assert frame["data"]["resumed"] is True
        assert [one["seq"] for one in replayed if one["type"] == "message_received"] == seqs[3:]
        nursery.cancel_scope.cancel()


@JUMPS
async def test_open_sockets_and_rates_do_not_notice(jump: float) -> None:
    clock = FakeClock()
    limits = {"messages": {"requests": 3, "window": 60}}
    async with inside(clock=clock, rate_limits=limits) as server, trio.open_nursery() as nursery:
        owner, team, general = await make_team(server)
        hearing = await hear(server, nursery, owner, team.id)
        path = f"/api/channels/{general.id}/messages"
        assert [(await server.rest(owner, "POST", path, {"content": "hi"})).status_code for _ in range(4)] == [
            *[201] * 3,
            429,
        ]
        clock.jump(jump)
        # A window of a minute is not over because the clock says that an hour has passed, nor does it last an hour.
        signed_in = await server.chat.sessions.open(owner.user)  # type: ignore[arg-type]
        now = Person(owner.kind, owner.user, signed_in.access_token)
        refused = await server.rest(now, "POST", path, {"content": "hi"})
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        # The sign-in of an open socket lasts its quarter of an hour by the clock that does not jump.
        speaker = await server.socket(now)
        assert (await speaker.ask("send_message", channelId=general.id, content="still"))["ok"]
        await until(lambda: len(heard(hearing)) == 4)
        assert not hearing.closed
        nursery.cancel_scope.cancel()


async def test_a_token_outlives_a_clock_that_is_set_back() -> None:
    clock = FakeClock()
    async with inside(clock=clock) as server:
        owner, _, _ = await make_team(server)
        clock.jump(-HOUR)
        assert (await server.rest(owner, "GET", "/api/users/me")).status_code == 200


async def test_a_clock_that_is_set_forward_ends_access_but_not_the_session() -> None:
    clock = FakeClock()
    async with inside(clock=clock) as server:
        owner, _, _ = await make_team(server)
        clock.jump(HOUR)
        expired = await server.rest(owner, "GET", "/api/users/me")
        assert (expired.status_code, expired.json()["error"]["code"]) == (401, "TOKEN_EXPIRED")
        body = {"refreshToken": owner.refresh_token}
        assert (await server.rest(Person("nobody"), "POST", "/api/auth/refresh", body)).status_code == 200
