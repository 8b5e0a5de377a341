"""Huddles: state, joining and leaving. Signals travel over the socket."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import attrs

from chatcore import wire
from chatcore.errors import NotFound
from chatcore.events import ParticipantCard
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.model import HuddleMode, HuddleStatus, TokenScope, Topology, UserCard
from chatcore.ports import HuddleStats, VideoSource, VideoWish
from chatcore.service.huddle_desk import DEVICE, HuddleView
from chatcore.service.huddle_devices import BY_REQUESTS
from chatcore.service.huddle_people import StateChange
from chatcore.service.huddle_signals import MAX_WISHES
from chatcore.service.huddles import MAX_OFFER
from chatcore.service.ice import IceServer
from chatserver.fields import ABSENT, DeviceId, Items, Text, Title
from chatserver.parts import Call
from chatserver.route import route

JOIN, STATE, RING = "huddle:join", "huddle:state", "huddle:ring"

Sdp = Annotated[str, Text(1, MAX_OFFER, r"^[^\u0000]*$", "must not hold a NUL character")]


class DescriptionType(StrEnum):
    """RTCSdpType."""

    OFFER = "offer"
    ANSWER = "answer"
    PRANSWER = "pranswer"
    ROLLBACK = "rollback"


@attrs.frozen(kw_only=True)
class SessionDescription:
    """RTCSessionDescriptionInit."""

    type: DescriptionType
    sdp: Sdp


@attrs.frozen(kw_only=True)
class StartHuddleRequest:
    """`mode`: `mesh` connects everyone with everyone, `sfu` goes through the server, `auto` leaves it to the server."""

    title: Title | None = None
    mode: HuddleMode = HuddleMode.AUTO
    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class UpdateHuddleRequest:
    title: Title | None = ABSENT
    mode: HuddleMode = ABSENT


@attrs.frozen(kw_only=True)
class MediaSource:
    """What a sending video m-line of the offer shows."""

    mid: Annotated[str, Text(1, 64)]
    source: VideoSource


@attrs.frozen(kw_only=True)
class JoinHuddleRequest:
    """`offer` is answered when `topology` is `sfu`. `deviceId` is the client's own name for its device, `main` without
    one; joining again with the same replaces its connection.
    """

    offer: SessionDescription | None = None
    device_id: DeviceId | None = None
    sources: Annotated[tuple[MediaSource, ...], Items(0, 8)] = ()


@attrs.frozen(kw_only=True)
class LeaveHuddleRequest:
    """With all devices, or with one."""

    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class HuddleStateRequest:
    """What is not named stays as it is. `speaking` is for meshes, where only the clients hear it."""

    muted: bool | None = None
    camera: bool | None = None
    sharing: bool | None = None
    hand_raised: bool | None = None
    speaking: bool | None = None


@attrs.frozen(kw_only=True)
class WantedVideo:
    user_id: UserId
    source: VideoSource = VideoSource.CAMERA


@attrs.frozen(kw_only=True)
class HuddleWantsRequest:
    """Which videos the device's video slots show, in their order."""

    videos: Annotated[tuple[WantedVideo, ...], Items(0, MAX_WISHES)]
    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class RingHuddleRequest:
    """One of the others in the direct message; without it, all of them."""

    user_id: UserId | None = None


@attrs.frozen(kw_only=True)
class RingHuddleResponse:
    """Who is being rung."""

    ringing: tuple[UserId, ...]


@attrs.frozen(kw_only=True)
class IceServersResponse:
    ice_servers: tuple[IceServer, ...]


@attrs.frozen(kw_only=True)
class HuddleParticipant:
    """`devices` are those by which they are in it; in a mesh each wants a connection of its own."""

    user_id: UserId
    display_name: str
    avatar_url: str | None = None
    joined_at: datetime
    is_speaking: bool
    muted: bool
    camera: bool
    sharing: bool
    hand_raised: bool
    devices: tuple[str, ...]


@attrs.frozen(kw_only=True)
class HuddleResponse:
    """A huddle and who is in it."""

    id: HuddleId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    title: str | None = None
    mode: HuddleMode
    topology: Topology
    status: HuddleStatus
    recorded_by: UserId | None = None
    participants: tuple[HuddleParticipant, ...]
    started_by: UserCard
    started_at: datetime
    ended_at: datetime | None = None

    @classmethod
    def of(cls, view: HuddleView) -> "HuddleResponse":
        huddle = view.huddle
        return cls(
            id=huddle.id,
            workspace_id=huddle.workspace_id,
            channel_id=huddle.channel_id,
            title=huddle.title,
            mode=huddle.mode,
            topology=huddle.topology,
            recorded_by=huddle.recorded_by,
            status=huddle.status,
            participants=participants(view),
            started_by=view.started_by,
            started_at=huddle.started_at,
            ended_at=huddle.ended_at,
        )


@attrs.frozen(kw_only=True)
class JoinHuddleResponse:
    """`answer` comes with huddles through the server."""

    answer: SessionDescription | None = None
    ice_servers: tuple[IceServer, ...]
    participants: tuple[HuddleParticipant, ...]
    topology: Topology
    device_id: str


def participants(view: HuddleView) -> tuple[HuddleParticipant, ...]:
    """Who is in the huddle."""
    return tuple(
        HuddleParticipant(
            user_id=card.user_id,
            display_name=card.display_name,
            avatar_url=card.avatar_url,
            joined_at=card.joined_at,
            is_speaking=card.user_id in view.speaking,
            muted=card.muted,
            camera=card.camera,
            sharing=card.sharing,
            hand_raised=card.hand_raised,
            devices=view.devices.get(card.user_id, ()),
        )
        for card in view.participants
    )


async def start_huddle(call: Call, channel_id: ChannelId, body: StartHuddleRequest) -> HuddleResponse:
    """Start a huddle in a channel; the caller is in it. A channel has one at a time."""
    view = await call.chat.huddles.start(
        channel_id,
        actor=call.actor,
        title=body.title,
        mode=body.mode,
        device_id=body.device_id,
        connection=BY_REQUESTS,
    )
    return HuddleResponse.of(view)


async def get_active_huddle(call: Call, channel_id: ChannelId) -> HuddleResponse:
    """The huddle that is going on in a channel; 404 when there is none."""
    view = await call.chat.huddles.active(channel_id, actor=call.actor)
    if view is None:
        raise NotFound("No huddle is going on in this channel.")
    return HuddleResponse.of(view)


async def get_huddle(call: Call, huddle_id: HuddleId) -> HuddleResponse:
    """A huddle, also one that has ended."""
    return HuddleResponse.of(await call.chat.huddles.get(huddle_id, actor=call.actor))


async def update_huddle(call: Call, huddle_id: HuddleId, body: UpdateHuddleRequest) -> HuddleResponse:
    """Change the title or the mode; when `topology` changes with it, everybody joins again."""
    view = await call.chat.huddles.update(huddle_id, actor=call.actor, title=body.title, mode=body.mode)
    return HuddleResponse.of(view)


async def join_huddle(call: Call, huddle_id: HuddleId, body: JoinHuddleRequest) -> JoinHuddleResponse:
    """Join a huddle, or join again."""
    view = await call.chat.huddles.join(
        huddle_id,
        actor=call.actor,
        device_id=body.device_id or DEVICE,
        connection=BY_REQUESTS,
        offer=None if body.offer is None else wire.to_json(body.offer),
        sources={each.mid: each.source for each in body.sources},
    )
    answer = None if view.answer is None else wire.structure(dict(view.answer), SessionDescription)
    return JoinHuddleResponse(
        answer=answer,
        ice_servers=call.chat.huddles.ice_servers(call.actor),
        participants=participants(view),
        topology=view.huddle.topology,
        device_id=view.device_id or DEVICE,
    )


async def leave_huddle(call: Call, huddle_id: HuddleId, body: LeaveHuddleRequest) -> None:
    """Leave a huddle. When nobody has been in it for 30 seconds, it ends."""
    await call.chat.huddles.leave(huddle_id, actor=call.actor, device_id=body.device_id)


async def set_huddle_state(call: Call, huddle_id: HuddleId, body: HuddleStateRequest) -> ParticipantCard:
    """Say how one is oneself: muted, with camera, sharing, with a raised hand."""
    change = StateChange(
        muted=body.muted,
        camera=body.camera,
        sharing=body.sharing,
        hand_raised=body.hand_raised,
        speaking=body.speaking,
    )
    return await call.chat.huddles.set_state(huddle_id, change, actor=call.actor)


async def choose_huddle_videos(call: Call, huddle_id: HuddleId, body: HuddleWantsRequest) -> None:
    """Choose what one's video slots show, where media goes through the server."""
    videos = tuple(VideoWish(user_id=each.user_id, source=each.source) for each in body.videos)
    await call.chat.huddles.wants(huddle_id, videos, actor=call.actor, device_id=body.device_id or DEVICE)


async def mute_huddle_participant(call: Call, huddle_id: HuddleId, user_id: UserId) -> ParticipantCard:
    """Mute somebody, who may let themselves be heard again."""
    return await call.chat.huddles.mute(huddle_id, user_id, actor=call.actor)


async def remove_huddle_participant(call: Call, huddle_id: HuddleId, user_id: UserId) -> None:
    """Take somebody out, and keep them out of this huddle."""
    await call.chat.huddles.remove(huddle_id, user_id, actor=call.actor)


async def ring_huddle(call: Call, huddle_id: HuddleId, body: RingHuddleRequest) -> RingHuddleResponse:
    """Ring the others of a direct message for 30 seconds."""
    return RingHuddleResponse(ringing=await call.chat.huddles.ring(huddle_id, actor=call.actor, user=body.user_id))


async def decline_huddle(call: Call, huddle_id: HuddleId) -> None:
    """Say that one will not come: it stops ringing."""
    await call.chat.huddles.decline(huddle_id, actor=call.actor)


async def start_huddle_recording(call: Call, huddle_id: HuddleId) -> HuddleResponse:
    """Record what everybody says, where media goes through the server; `recordedBy` tells them so first."""
    return HuddleResponse.of(await call.chat.huddles.start_recording(huddle_id, actor=call.actor))


async def stop_huddle_recording(call: Call, huddle_id: HuddleId) -> None:
    """Record no more."""
    await call.chat.huddles.stop_recording(huddle_id, actor=call.actor)


async def get_huddle_stats(call: Call, huddle_id: HuddleId) -> HuddleStats:
    """How the connections of a huddle through the server do. A mesh has none here."""
    return await call.chat.huddles.stats(huddle_id, actor=call.actor)


async def get_ice_servers(call: Call) -> IceServersResponse:
    """STUN and TURN for the caller's clients, with credentials that are good for a day."""
    return IceServersResponse(ice_servers=call.chat.huddles.ice_servers(call.actor))


READ = TokenScope.HUDDLES_READ
WRITE = TokenScope.HUDDLES_WRITE

ROUTES = (
    route(
        "POST", "/api/channels/:channelId/huddles", start_huddle, needs=WRITE, status=201, rate=JOIN, errors=(409, 422)
    ),
    route("GET", "/api/channels/:channelId/huddles/active", get_active_huddle, needs=READ),
    route("GET", "/api/huddles/:huddleId", get_huddle, needs=READ),
    route("PATCH", "/api/huddles/:huddleId", update_huddle, needs=WRITE),
    route("GET", "/api/huddles/:huddleId/stats", get_huddle_stats, needs=READ),
    route("POST", "/api/huddles/:huddleId/join", join_huddle, needs=WRITE, rate=JOIN, errors=(422, 503)),
    route("DELETE", "/api/huddles/:huddleId/leave", leave_huddle, needs=WRITE, status=204),
    route("PATCH", "/api/huddles/:huddleId/state", set_huddle_state, needs=WRITE, rate=STATE),
    route("PUT", "/api/huddles/:huddleId/videos", choose_huddle_videos, needs=WRITE, status=204, rate=STATE),
    route("POST", "/api/huddles/:huddleId/participants/:userId/mute", mute_huddle_participant, needs=WRITE, rate=STATE),
    route("DELETE", "/api/huddles/:huddleId/participants/:userId", remove_huddle_participant, needs=WRITE, status=204),
    route("POST", "/api/huddles/:huddleId/ring", ring_huddle, needs=WRITE, rate=RING),
    route("POST", "/api/huddles/:huddleId/decline", decline_huddle, needs=WRITE, status=204, rate=RING),
    route("POST", "/api/huddles/:huddleId/recording", start_huddle_recording, needs=WRITE, errors=(409, 422, 503)),
    route("DELETE", "/api/huddles/:huddleId/recording", stop_huddle_recording, needs=WRITE, status=204),
    route("GET", "/api/ice-servers", get_ice_servers, needs=WRITE),
)
