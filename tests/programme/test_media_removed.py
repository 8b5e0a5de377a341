"""32. Who loses their place in a channel loses the media of its huddle within a second, both ways: by real packets."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import pytest
import trio
from aiortc.rtp import RtpPacket
from tests.plugins.chat_voice_webrtc.peers import Peer, Room, Tone, open_room, until
from tests.programme.inside import Inside, Person, inside

from chatcore.ids import ChannelId
from chatcore.model import ChannelType

pytestmark = pytest.mark.programme

PATIENCE = 3.0
"""Seconds until the last packet. The aim is one; a machine that does much else at the time needs more."""


@attrs.define
class Arrivals:
    """When packets of RTP came to a client: `last` by `time.monotonic`."""

    last: float = 0.0
    count: int = 0

    async def listen(self, peer: Peer) -> None:
        """From now on, in every slot of it."""
        for each in peer.connection.getTransceivers():
            if each.direction == "recvonly":
                self._tap(each.receiver)

    def _tap(self, receiver: object) -> None:
        handle: Callable[[RtpPacket, int], Awaitable[None]] = receiver._handle_rtp_packet  # type: ignore[attr-defined]

        async def tap(packet: RtpPacket, arrival_time_ms: int) -> None:
            self.last = time.monotonic()
            self.count += 1
            await handle(packet, arrival_time_ms)

        receiver._handle_rtp_packet = tap  # type: ignore[attr-defined]


@attrs.frozen
class Place:
    """A channel whose owner talks, and somebody who is about to lose it."""

    server: Inside
    channel: ChannelId
    owner: Person
    person: Person
    other: Person
    """Somebody in it who stays."""

    async def rest(self, method: str, path: str, body: object = None) -> None:
        answer = await self.server.rest(self.owner, method, path, body)
        assert answer.is_success, answer.text


CUTS: dict[str, tuple[ChannelType, Callable[[Place], Awaitable[object]]]] = {
    # what happens: (the type of the channel, how)
    "removed from the channel": (
        ChannelType.PRIVATE,
        lambda at: at.rest("DELETE", f"/api/channels/{at.channel}/members/{at.person.id}"),
    ),
    "removed from the workspace": (
        ChannelType.PUBLIC,
        lambda at: at.rest("DELETE", f"/api/workspaces/team/members/{at.person.id}"),
    ),
    # No route does this: the command line and programs do.
    "deactivated": (ChannelType.PRIVATE, lambda at: at.server.chat.users.deactivate(at.person.id)),
}


async def join(server: Inside, room: Room, huddle: str, who: Person, hertz: float) -> Arrivals:
    """Over REST, with a tone of their own; what comes to them from then on."""
    peer, arrivals = Peer((Tone(hertz),)), Arrivals()
    room.peers.append(peer)
    offer = {"type": "offer", "sdp": await room.bridge.run(peer.offer)}
    answer = await server.rest(who, "POST", f"/api/huddles/{huddle}/join", {"offer": offer})
    assert answer.status_code == 200, answer.text
    await room.bridge.run(peer.accept, answer.json()["answer"])
    await room.bridge.run(arrivals.listen, peer)
    return arrivals


@asynccontextmanager
async def talking(type_: ChannelType) -> AsyncIterator[tuple[Place, Room, str]]:
    """A place with a huddle in it that nobody has joined yet with media, and the id of that."""
    async with (
        inside(voice="webrtc", voice_public_address="127.0.0.1") as server,
        open_room(None) as room,  # type: ignore[arg-type]  # they join over REST
    ):
        owner = await server.person()
        team = await server.chat.workspaces.create(name="Team", slug="team", owner=owner.id)
        person, other = [await server.member(team.id, "member") for _ in range(2)]
        channel = await server.chat.channels.create(team, actor=owner.id, name="talk", type=type_)
        await server.chat.channels.add_member(channel.id, other.id, actor=owner.id)
        started = await server.rest(owner, "POST", f"/api/channels/{channel.id}/huddles", {"mode": "sfu"})
        assert started.is_success, started.text
        yield Place(server, channel.id, owner, person, other), room, started.json()["id"]


@pytest.mark.parametrize("what", CUTS, ids=lambda what: what.replace(" ", "-"))
async def test_who_loses_their_place_loses_the_media(what: str) -> None:
    type_, cut = CUTS[what]
    async with talking(type_) as (place, room, huddle):
        await place.server.chat.channels.add_member(place.channel, place.person.id, actor=place.owner.id)
        speaking = await join(place.server, room, huddle, place.owner, 440)
        removed = await join(place.server, room, huddle, place.person, 700)
        await until(lambda: min(speaking.count, removed.count) > 20)

        began = time.monotonic()
        await cut(place)
        answered = time.monotonic() - began
        await trio.sleep(PATIENCE)
        took = [each.last - began for each in (removed, speaking)]
        print(  # noqa: T201  # for the documentation
            f"{what}: answered after {answered:.3f} s; "
            f"last packet to them at {took[0]:+.3f} s, from them at {took[1]:+.3f} s"
        )
        assert min(took) > -0.5, "they had stopped before"
        assert max(took) < PATIENCE - 0.5
        counts = removed.count, speaking.count
        # Whoever stays is still heard: it was not silence that stopped the packets.
        witness = await join(place.server, room, huddle, place.other, 1000)
        await until(lambda: witness.count > 20 and speaking.count > counts[1] + 20)
        assert removed.count == counts[0]


async def test_a_channel_made_private_keeps_its_media_among_those_in_it() -> None:
    """Only who is in a channel has media of its huddle, so nobody is to be cut off; and nobody comes later."""
    async with talking(ChannelType.PUBLIC) as (place, room, huddle):
        speaking = await join(place.server, room, huddle, place.owner, 440)
        stays = await join(place.server, room, huddle, place.other, 1000)
        path, statuses, outside = f"/api/huddles/{huddle}/join", list[int](), Peer(())
        room.peers.append(outside)
        offer = {"offer": {"type": "offer", "sdp": await room.bridge.run(outside.offer)}}
        statuses.append((await place.server.rest(place.person, "POST", path, offer)).status_code)
        await place.rest("PATCH", f"/api/channels/{place.channel}", {"type": "private"})
        statuses.append((await place.server.rest(place.person, "POST", path, offer)).status_code)
        joined = await place.server.rest(place.person, "POST", f"/api/channels/{place.channel}/join")
        assert all(each in (403, 404) for each in (*statuses, joined.status_code))
        counts = speaking.count, stays.count
        await until(lambda: speaking.count > counts[0] + 20 and stays.count > counts[1] + 20)
