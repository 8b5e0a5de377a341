"""The promises of `chatcore.ports.voice` that can be tried without media, as a suite. That voices are heard is for the
tests of each implementation.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest
import trio

from chatcore.errors import Duplicate, Unavailable, ValidationFailed, VoiceFull
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId, uuid7
from chatcore.model import Signal, SignalType
from chatcore.ports import SeatLost, VideoWish, Voice, VoiceEvent, VoiceSeat
from chatcore.testing.contract import Contract

HUDDLE, OTHER = HuddleId(uuid7(1)), HuddleId(uuid7(2))
CHANNEL, WORKSPACE = ChannelId(uuid7(3)), WorkspaceId(uuid7(4))
ADA, BEN, CAT = UserId(uuid7(11)), UserId(uuid7(12)), UserId(uuid7(13))
CAPACITY = 2
"""How many seats the opened port is to have."""

START_SECONDS = 30.0
"""How long media may take to start on a machine that does something else, too."""

_FINGERPRINT = ":".join(f"{number:02X}" for number in range(32))
_MEDIA = f"""m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:%s
a=%s
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=ice-ufrag:ufrag
a=ice-pwd:apasswordofmorethan22signs
a=fingerprint:sha-256 {_FINGERPRINT}
a=setup:actpass
"""
_LINES = (
    "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE 0 1\n"
    + _MEDIA % ("0", "sendonly")
    + _MEDIA % ("1", "recvonly")
)
OFFER: Mapping[str, Any] = {"type": "offer", "sdp": _LINES.replace("\n", "\r\n")}
"""Of a client that speaks, and has one slot. It never connects."""


def seat(user_id: UserId, device_id: str = "main", huddle_id: HuddleId = HUDDLE) -> VoiceSeat:
    """A device of somebody in a huddle."""
    return VoiceSeat(
        huddle_id=huddle_id,
        channel_id=CHANNEL,
        workspace_id=WORKSPACE,
        user_id=user_id,
        device_id=device_id,
    )


class VoiceContract(Contract):
    """Inherit, and say how a port with `CAPACITY` seats is opened."""

    pytestmark = pytest.mark.trio

    offer: ClassVar[Mapping[str, Any]] = OFFER

    def open_voice(self) -> AbstractAsyncContextManager[Voice]:
        """A port that nobody has a seat in."""
        raise NotImplementedError

    async def _join(self, voice: Voice, seat: VoiceSeat, offer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Join; again while the media is being started, which the port may say."""
        with trio.fail_after(START_SECONDS):
            while True:
                try:
                    return await voice.join(seat, offer)
                except VoiceFull:
                    raise
                except Unavailable:
                    await trio.sleep(0.2)

    async def _has_room(self, voice: Voice, seats: int) -> bool:
        """Whether exactly so many more can join. Figures show connections, and these clients never connect."""
        strangers = [seat(UserId(uuid7(100 + number))) for number in range(seats + 1)]
        try:
            for stranger in strangers[:-1]:
                await self._join(voice, stranger, self.offer)
            with pytest.raises(VoiceFull):
                await self._join(voice, strangers[-1], self.offer)
        except VoiceFull:
            return False
        finally:
            for stranger in strangers:
                await voice.leave(stranger)
        return True

    async def test_a_seat_is_taken_answered_taken_again_and_left(self) -> None:
        async with self.open_voice() as voice:
            told: list[VoiceEvent] = []
            voice.on_event(told.append)
            answer = await self._join(voice, seat(ADA), self.offer)
            assert answer["type"] == "answer"
            assert answer["sdp"].startswith("v=0")
            assert await self._has_room(voice, CAPACITY - 1)
            await self._join(voice, seat(ADA), self.offer)  # another connection, in the place of the first
            assert await self._has_room(voice, CAPACITY - 1)
            for _ in range(2):
                await voice.leave(seat(ADA))
            assert await self._has_room(voice, CAPACITY)
            assert (await voice.stats(HUDDLE)).legs == ()
            assert not [event for event in told if isinstance(event, SeatLost)]

    async def test_what_is_no_offer_is_refused_and_takes_no_seat(self) -> None:
        async with self.open_voice() as voice:
            wrong: tuple[Mapping[str, Any], ...] = (
                {},
                {"type": "offer"},
                {"type": "offer", "sdp": ""},
                {"type": "offer", "sdp": 7},
                {"type": "offer", "sdp": "hello"},
                {"type": "answer", "sdp": self.offer["sdp"]},
            )
            for offer in wrong:
                with pytest.raises(ValidationFailed):
                    await self._join(voice, seat(ADA), offer)
            assert await self._has_room(voice, CAPACITY)

    async def test_a_node_that_is_full_says_so_and_disturbs_nobody(self) -> None:
        async with self.open_voice() as voice:
            there: list[UserId] = []
            full: list[UserId] = []

            async def try_to_join(user_id: UserId) -> None:
                try:
                    await self._join(voice, seat(user_id), self.offer)
                    there.append(user_id)
                except VoiceFull:
                    full.append(user_id)

            async with trio.open_nursery() as nursery:
                for user_id in (ADA, BEN, CAT):
                    nursery.start_soon(try_to_join, user_id)
            assert (len(there), len(full)) == (CAPACITY, 1)
            (late,) = full
            await self._join(voice, seat(there[0]), self.offer)  # who has a seat may take it again
            with pytest.raises(VoiceFull):
                await self._join(voice, seat(late), self.offer)
            await voice.leave(seat(there[0]))
            await self._join(voice, seat(late), self.offer)
            assert await self._has_room(voice, 0)

    async def test_the_end_of_a_huddle_closes_its_seats_and_no_others(self) -> None:
        async with self.open_voice() as voice:
            told: list[VoiceEvent] = []
            voice.on_event(told.append)
            await self._join(voice, seat(ADA), self.offer)
            await self._join(voice, seat(ADA, huddle_id=OTHER), self.offer)
            for _ in range(2):
                await voice.end(HUDDLE)
            assert (await voice.stats(HUDDLE)).legs == ()
            assert await self._has_room(voice, CAPACITY - 1)
            assert not [event for event in told if isinstance(event, SeatLost)]

    async def test_what_is_said_of_nothing_is_harmless(self) -> None:
        async with self.open_voice() as voice:
            candidate = Signal(type=SignalType.ICE_CANDIDATE, data={"candidate": ""}, target_user_id=ADA)
            await voice.leave(seat(ADA))
            await voice.signal(seat(ADA), candidate)
            await voice.wants(seat(ADA), (VideoWish(user_id=BEN),))
            await voice.mute(HUDDLE, ADA, True)
            await voice.end(HUDDLE)
            await voice.stop_recording(HUDDLE)
            assert (await voice.stats(OTHER)).legs == ()
            assert voice.totals().seats == 0
            assert isinstance((await voice.health())["ok"], bool)

    async def test_only_candidates_come_late(self) -> None:
        async with self.open_voice() as voice:
            await self._join(voice, seat(ADA), self.offer)
            for type_ in set(SignalType) - {SignalType.ICE_CANDIDATE}:
                with pytest.raises(ValidationFailed):
                    await voice.signal(seat(ADA), Signal(type=type_, data={}, target_user_id=ADA))

    async def test_where_nobody_is_connected_nothing_is_recorded(self) -> None:
        async with self.open_voice() as voice:
            with pytest.raises(Unavailable):
                await voice.start_recording(HUDDLE, uuid7(21))

    async def test_a_huddle_is_recorded_once_at_a_time(self) -> None:
        async with self.open_voice() as voice:
            await self._join(voice, seat(ADA), self.offer)
            try:
                await voice.start_recording(HUDDLE, uuid7(21))
            except Unavailable:
                return  # it cannot be, here, and says so
            with pytest.raises(Duplicate):
                await voice.start_recording(HUDDLE, uuid7(22))
            for _ in range(2):
                await voice.stop_recording(HUDDLE)
