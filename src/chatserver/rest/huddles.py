"""Huddles: state, joining and leaving. Signals travel over the socket."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import attrs

from chatcore import wire
from chatcore.errors import NotFound
from chatcore.ids import ChannelId, HuddleId, UserId, WorkspaceId
from chatcore.model import HuddleMode, HuddleStatus, UserCard
from chatcore.service.huddles import HuddleView
from chatserver.fields import Text, Title
from chatserver.parts import Call
from chatserver.route import route

Sdp = Annotated[str, Text(1, 32 * 1024, r"^[^\u0000]*$", "must not hold a NUL character")]


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
class IceServer:
    """RTCIceServer."""

    urls: str
    username: str | None = None
    credential: str | None = None


@attrs.frozen(kw_only=True)
class StartHuddleRequest:
    """`mode`: `mesh` connects everyone with everyone, `sfu` goes through the server, `auto` leaves it to the server."""

    title: Title | None = None
    mode: HuddleMode = HuddleMode.AUTO


@attrs.frozen(kw_only=True)
class JoinHuddleRequest:
    """`offer` is for huddles through the server."""

    offer: SessionDescription | None = None


@attrs.frozen(kw_only=True)
class HuddleParticipant:
    user_id: UserId
    display_name: str
    avatar_url: str | None = None
    joined_at: datetime
    is_speaking: bool


@attrs.frozen(kw_only=True)
class HuddleResponse:
    """A huddle and who is in it."""

    id: HuddleId
    workspace_id: WorkspaceId
    channel_id: ChannelId
    title: str | None = None
    mode: HuddleMode
    status: HuddleStatus
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


def participants(view: HuddleView) -> tuple[HuddleParticipant, ...]:
    """Who is in the huddle. Who speaks is known where the media is; without media here, nobody is said to."""
    return tuple(
        HuddleParticipant(
            user_id=card.user_id,
            display_name=card.display_name,
            avatar_url=card.avatar_url,
            joined_at=card.joined_at,
            is_speaking=False,
        )
        for card in view.participants
    )


async def start_huddle(call: Call, channel_id: ChannelId, body: StartHuddleRequest) -> HuddleResponse:
    """Start a huddle in a channel; the caller is in it. A channel has one at a time."""
    view = await call.chat.huddles.start(channel_id, actor=call.actor, title=body.title, mode=body.mode)
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


async def join_huddle(call: Call, huddle_id: HuddleId, body: JoinHuddleRequest) -> JoinHuddleResponse:
    """Join a huddle."""
    offer = None if body.offer is None else wire.to_json(body.offer)
    view = await call.chat.huddles.join(huddle_id, actor=call.actor, offer=offer)
    stun = call.chat.config.stun_server_url
    answer = None if view.answer is None else wire.structure(dict(view.answer), SessionDescription)
    return JoinHuddleResponse(
        answer=answer, ice_servers=() if stun is None else (IceServer(urls=stun),), participants=participants(view)
    )


async def leave_huddle(call: Call, huddle_id: HuddleId) -> None:
    """Leave a huddle; it ends with its last participant."""
    await call.chat.huddles.leave(huddle_id, actor=call.actor)


ROUTES = (
    route("POST", "/api/channels/:channelId/huddles", start_huddle, status=201, errors=(409, 422)),
    route("GET", "/api/channels/:channelId/huddles/active", get_active_huddle),
    route("GET", "/api/huddles/:huddleId", get_huddle),
    route("POST", "/api/huddles/:huddleId/join", join_huddle, errors=(422,)),
    route("DELETE", "/api/huddles/:huddleId/leave", leave_huddle, status=204),
)
