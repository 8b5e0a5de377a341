"""Whoever means harm to a huddle is told no, clearly; those who talk in it notice nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import orjson
import pytest
import trio
from tests.chatserver.net.client import Client
from tests.programme.inside import Inside, Person, inside

from chatcore.ids import uuid7
from chatcore.model import HuddleMode
from chatcore.testing.voice import FakeVoice, FakeVoicePlugin

pytestmark = pytest.mark.programme

CODES = {"INSUFFICIENT_PERMISSIONS", "RESOURCE_NOT_FOUND", "VALIDATION_FAILED", "RATE_LIMIT_EXCEEDED"}


@attrs.define(eq=False)
class Talk:
    """Two who talk, and somebody in the channel who means harm."""

    server: Inside
    channel: Any
    huddle: str
    one: Client
    two: Client
    two_id: str
    harmful: Person
    socket: Client
    _said: int = 0

    async def undisturbed(self, *expected: str) -> None:
        """A signal passes between the two, and the other heard nothing else of the huddle but events of these types."""
        self._said += 1
        signal = {"type": "offer", "data": {"sdp": f"v=0 {self._said}"}, "targetUserId": self.two_id}
        assert (await self.one.ask("huddle_signal", huddleId=self.huddle, signal=signal))["ok"]
        with trio.fail_after(10):
            while (text := await self.two.receive()) is not None:
                frame = orjson.loads(text)
                if frame["type"].startswith("huddle") and frame["type"] not in expected:
                    assert (frame["type"], frame["data"].get("signal", {}).get("data")) == (
                        "huddle_signal",
                        {"sdp": f"v=0 {self._said}"},
                    )
                    return
        raise AssertionError("the socket was closed")


@asynccontextmanager
async def talk(**settings: Any) -> AsyncIterator[Talk]:
    voice = FakeVoice(capacity=3)
    settings = {"voice": "fake"} | settings
    async with inside(plugins=[FakeVoicePlugin(voice)], **settings) as server:
        owner = await server.person()
        team = await server.chat.workspaces.create(name="Team", slug="team", owner=owner.id, general=True)
        other, harmful = [await server.member(team.id, "member") for _ in range(2)]
        (general,) = await server.chat.channels.list(team, actor=owner.id)
        one, two, socket = [await server.joined(each, team.id) for each in (owner, other, harmful)]
        started = await one.ask("start_huddle", channelId=general.channel.id)
        huddle = started["data"]["huddle"]["id"]
        assert (await two.ask("join_huddle", huddleId=huddle))["ok"]
        ready = Talk(server, general.channel.id, huddle, one, two, other.id, harmful, socket)
        await ready.undisturbed("huddle_started", "huddle_user_joined")
        yield ready


async def test_signals_from_outside_and_forged_ids() -> None:
    async with talk() as here:
        offer = {"type": "offer", "data": {"sdp": "v=0"}}
        for huddle in (here.huddle, uuid7(1), here.channel, "x", ""):
            for target in (here.two_id, uuid7(2), here.huddle):
                signal = {**offer, "targetUserId": target}
                refused = await here.socket.ask("huddle_signal", huddleId=huddle, signal=signal)
                assert refused["error"]["code"] in CODES, refused
        for frame in ("huddle_state", "mute_participant", "remove_participant", "ring_huddle"):
            data = {} if frame in ("huddle_state", "ring_huddle") else {"userId": here.two_id}
            refused = await here.socket.ask(frame, huddleId=here.huddle, **data)
            assert refused["error"]["code"] == "INSUFFICIENT_PERMISSIONS", frame
        await here.undisturbed()


async def test_who_floods_with_signals_is_disconnected_and_the_others_go_on() -> None:
    # A tenth of what a server takes: a slow storage answers no flood of fifty frames a second.
    async with talk(rate_limits="default", socket_frames_per_second=5) as here:
        assert (await here.socket.ask("join_huddle", huddleId=here.huddle))["ok"]
        signal, passed = {"type": "offer", "data": {"sdp": "v=0 flood"}, "targetUserId": here.two_id}, 0
        with pytest.raises(AssertionError, match="closed with 4429"):  # noqa: PT012  # whichever of them it is
            for _ in range(130):
                answer = await here.socket.ask("huddle_signal", huddleId=here.huddle, signal=signal)
                if answer["ok"]:
                    assert (await here.two.hear("huddle_signal"))["data"]["signal"]["data"] == {"sdp": "v=0 flood"}
                    passed += 1
        assert 0 < passed < 120
        await here.undisturbed("huddle_user_joined", "huddle_user_left")


# The server answers before the body has been sent; httpx then drops what is left of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_offers_of_a_megabyte() -> None:
    async with talk() as here:
        offer = {"type": "offer", "sdp": "v=0\r\n" + "a=" + "x" * 1024 * 1024}
        path = f"/api/huddles/{here.huddle}/join"
        answer = await here.server.rest(here.harmful, "POST", path, {"offer": offer})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "VALIDATION_FAILED")
        offer["sdp"] = offer["sdp"][: 1024 * 1000]
        answer = await here.server.rest(here.harmful, "POST", path, {"offer": offer})
        assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, ["offer.sdp"])
        await here.undisturbed()
        with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError, AssertionError)):
            await here.socket.ask("join_huddle", huddleId=here.huddle, offer=offer)
        assert here.socket.close_code == 1009
        await here.undisturbed()


async def test_a_thousand_joins_at_once_meet_the_rate_limit() -> None:
    async with talk(rate_limits="default") as here:
        path = f"/api/huddles/{here.huddle}/join"
        statuses: dict[int, int] = {}

        async def join() -> None:
            status = (await here.server.rest(here.harmful, "POST", path, {})).status_code
            statuses[status] = statuses.get(status, 0) + 1

        async with trio.open_nursery() as nursery:
            limiter = trio.CapacityLimiter(50)

            async def limited() -> None:
                async with limiter:
                    await join()

            for _ in range(1000):
                nursery.start_soon(limited)
        assert statuses == {200: 60, 429: 940}


async def test_who_finds_no_room_is_told_so_and_nobody_else_is() -> None:
    async with talk(huddle_mesh_max=2) as here:
        offer = {"type": "offer", "sdp": "v=0\r\n"}
        path = f"/api/huddles/{here.huddle}"
        assert (await here.server.rest(here.harmful, "POST", f"{path}/join", {"offer": offer})).status_code == 200
        for number in range(2):
            body = {"offer": offer, "deviceId": f"d{number}"}
            assert (await here.server.rest(here.harmful, "POST", f"{path}/join", body)).status_code == 200
        newcomer = await here.server.member(
            (await here.server.chat.huddles.get(here.huddle, actor=here.two_id)).huddle.workspace_id, "member"
        )
        before = await here.server.rest(here.harmful, "GET", path)
        full = await here.server.rest(newcomer, "POST", f"{path}/join", {"offer": offer})
        assert (full.status_code, full.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert "full" in full.json()["error"]["message"]
        assert (await here.server.rest(here.harmful, "GET", path)).json() == before.json()


async def test_a_recording_over_the_socket_is_for_who_moderates_and_seen_by_all() -> None:
    async with talk() as here:
        await here.one.ask("leave_huddle", huddleId=here.huddle)
        assert (await here.server.chat.huddles.get(here.huddle, actor=here.two_id)).huddle.recorded_by is None
        refused = await here.two.ask("start_recording", huddleId=here.huddle)
        assert refused["error"]["code"] == "INSUFFICIENT_PERMISSIONS"
        mesh = await here.one.ask("start_recording", huddleId=here.huddle)
        assert "does not go through the server" in mesh["error"]["message"]
        owner = (await here.server.chat.huddles.get(here.huddle, actor=here.two_id)).huddle.created_by
        await here.server.chat.huddles.update(here.huddle, actor=owner, mode=HuddleMode.SFU)
        offer = {"type": "offer", "sdp": "v=0\r\n"}
        assert (await here.two.ask("join_huddle", huddleId=here.huddle, offer=offer))["ok"]
        recorded = await here.one.ask("start_recording", huddleId=here.huddle)
        assert recorded["data"]["huddle"]["recordedBy"] == owner
        with trio.fail_after(10):
            while True:
                text = await here.two.receive()
                assert text is not None
                frame = orjson.loads(text)
                if frame["type"] == "huddle_updated" and frame["data"]["huddle"].get("recordedBy") == owner:
                    break
        assert (await here.one.ask("stop_recording", huddleId=here.huddle))["ok"]
        assert (await here.server.chat.huddles.get(here.huddle, actor=here.two_id)).huddle.recorded_by is None
