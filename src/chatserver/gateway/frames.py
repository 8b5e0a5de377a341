"""What a client may say: one class per frame type, its fields the frame's `data`.

    {"type": "send_message", "id": "7", "data": {"channelId": "…", "content": "hi"}}

A frame is decoded once and validated once. Nothing unknown is taken, nothing is coerced.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import attrs

from chatcore import wire
from chatcore.errors import ValidationFailed
from chatcore.ids import AttachmentId, ChannelId, HuddleId, MessageId, UserId, WorkspaceId
from chatcore.model import HuddleMode, PresenceStatus, SignalType, TokenScope
from chatcore.ports import VideoSource
from chatcore.service.huddle_signals import MAX_WISHES
from chatserver.fields import Content, DeviceId, Emoji, Items, Shallow, TempId, Text, Title, Token, Whole

MAX_ID = 64
"""Longest `id` of a frame, in characters."""
MAX_ATTACHMENTS = 10

Description = Annotated[Mapping[str, Any], Shallow(keys=200, depth=8)]
"""What WebRTC's session descriptions and candidates are to us: JSON that is passed on."""


@attrs.frozen(kw_only=True)
class MediaSource:
    """What a sending video m-line of an offer shows."""

    mid: Annotated[str, Text(1, 64)]
    source: VideoSource


@attrs.frozen(kw_only=True)
class WantedVideo:
    """A video that a client wants to see in its next slot."""

    user_id: UserId
    source: VideoSource = VideoSource.CAMERA


@attrs.frozen(kw_only=True)
class ClientFrame:
    """What every frame is. `needs`: the scopes that a bot's token must have, all of them."""

    type: ClassVar[str]
    needs: ClassVar[tuple[TokenScope, ...]]


@attrs.frozen(kw_only=True)
class Since:
    """A client's cursor: the `seq` of the last event that it has seen in the history `epoch`."""

    epoch: Annotated[str, Text(1, 64)]
    seq: Annotated[int, Whole(0, 2**53)]


@attrs.frozen(kw_only=True)
class JoinWorkspace(ClientFrame):
    type = "join_workspace"
    needs = ()
    workspace_id: WorkspaceId
    access_token: Token | None = None
    since: Since | None = None


@attrs.frozen(kw_only=True)
class LeaveWorkspace(ClientFrame):
    type = "leave_workspace"
    needs = ()
    workspace_id: WorkspaceId


@attrs.frozen(kw_only=True)
class Authenticate(ClientFrame):
    type = "authenticate"
    needs = ()
    access_token: Token


@attrs.frozen(kw_only=True)
class SendMessage(ClientFrame):
    type = "send_message"
    needs = (TokenScope.MESSAGES_WRITE,)
    channel_id: ChannelId
    content: Content
    thread_id: MessageId | None = None
    temp_id: TempId | None = None
    attachment_ids: Annotated[tuple[AttachmentId, ...], Items(0, MAX_ATTACHMENTS)] = ()


@attrs.frozen(kw_only=True)
class EditMessage(ClientFrame):
    type = "edit_message"
    needs = (TokenScope.MESSAGES_WRITE,)
    message_id: MessageId
    content: Content


@attrs.frozen(kw_only=True)
class DeleteMessage(ClientFrame):
    type = "delete_message"
    needs = (TokenScope.MESSAGES_WRITE,)
    message_id: MessageId


@attrs.frozen(kw_only=True)
class AddReaction(ClientFrame):
    type = "add_reaction"
    needs = (TokenScope.REACTIONS_WRITE, TokenScope.MESSAGES_READ)
    message_id: MessageId
    emoji: Emoji


@attrs.frozen(kw_only=True)
class RemoveReaction(ClientFrame):
    type = "remove_reaction"
    needs = (TokenScope.REACTIONS_WRITE, TokenScope.MESSAGES_READ)
    message_id: MessageId
    emoji: Emoji


@attrs.frozen(kw_only=True)
class MarkRead(ClientFrame):
    type = "mark_read"
    needs = (TokenScope.MESSAGES_READ,)
    channel_id: ChannelId
    message_id: MessageId


@attrs.frozen(kw_only=True)
class TypingStart(ClientFrame):
    type = "typing_start"
    needs = (TokenScope.MESSAGES_WRITE,)
    channel_id: ChannelId


@attrs.frozen(kw_only=True)
class TypingStop(ClientFrame):
    type = "typing_stop"
    needs = (TokenScope.MESSAGES_WRITE,)
    channel_id: ChannelId


@attrs.frozen(kw_only=True)
class UpdatePresence(ClientFrame):
    type = "update_presence"
    needs = (TokenScope.PROFILE_WRITE,)
    status: PresenceStatus


@attrs.frozen(kw_only=True)
class StartHuddle(ClientFrame):
    type = "start_huddle"
    needs = (TokenScope.HUDDLES_WRITE,)
    channel_id: ChannelId
    title: Title | None = None
    mode: HuddleMode = HuddleMode.AUTO
    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class JoinHuddle(ClientFrame):
    type = "join_huddle"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    offer: Description | None = None
    device_id: DeviceId | None = None
    sources: Annotated[tuple[MediaSource, ...], Items(0, 8)] = ()


@attrs.frozen(kw_only=True)
class LeaveHuddle(ClientFrame):
    type = "leave_huddle"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class HuddleState(ClientFrame):
    type = "huddle_state"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    muted: bool | None = None
    camera: bool | None = None
    sharing: bool | None = None
    hand_raised: bool | None = None
    speaking: bool | None = None


@attrs.frozen(kw_only=True)
class HuddleWants(ClientFrame):
    type = "huddle_wants"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    videos: Annotated[tuple[WantedVideo, ...], Items(0, MAX_WISHES)]
    device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class MuteParticipant(ClientFrame):
    type = "mute_participant"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    user_id: UserId


@attrs.frozen(kw_only=True)
class RemoveParticipant(ClientFrame):
    type = "remove_participant"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    user_id: UserId


@attrs.frozen(kw_only=True)
class RingHuddle(ClientFrame):
    type = "ring_huddle"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    user_id: UserId | None = None


@attrs.frozen(kw_only=True)
class DeclineHuddle(ClientFrame):
    type = "decline_huddle"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId


@attrs.frozen(kw_only=True)
class StartRecording(ClientFrame):
    type = "start_recording"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId


@attrs.frozen(kw_only=True)
class StopRecording(ClientFrame):
    type = "stop_recording"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId


@attrs.frozen(kw_only=True)
class SignalData:
    """A signal as it comes in: `chatcore.model.Signal` with its size bounded."""

    type: SignalType
    data: Annotated[Mapping[str, Any] | str, Shallow(keys=200, depth=8)]
    target_user_id: UserId | None = None
    target_device_id: DeviceId | None = None


@attrs.frozen(kw_only=True)
class HuddleSignal(ClientFrame):
    type = "huddle_signal"
    needs = (TokenScope.HUDDLES_WRITE,)
    huddle_id: HuddleId
    signal: SignalData
    device_id: DeviceId | None = None


FRAME_CLASSES: tuple[type[ClientFrame], ...] = (
    JoinWorkspace,
    LeaveWorkspace,
    Authenticate,
    SendMessage,
    EditMessage,
    DeleteMessage,
    AddReaction,
    RemoveReaction,
    MarkRead,
    TypingStart,
    TypingStop,
    UpdatePresence,
    StartHuddle,
    JoinHuddle,
    LeaveHuddle,
    HuddleSignal,
    HuddleState,
    HuddleWants,
    MuteParticipant,
    RemoveParticipant,
    RingHuddle,
    DeclineHuddle,
    StartRecording,
    StopRecording,
)

FRAMES: dict[str, type[ClientFrame]] = {cls.type: cls for cls in FRAME_CLASSES}
_FIELDS = frozenset({"type", "id", "data"})


class NotAnObject(Exception):
    """The text is no JSON object: the client is broken, and the socket is closed with 4400."""


def read_object(text: str) -> dict[str, Any]:
    """The JSON object of a text frame. Raises NotAnObject."""
    try:
        data = wire.decode(text)
    except ValidationFailed as error:
        raise NotAnObject("send JSON: one object in each text frame") from error
    if not isinstance(data, dict):
        raise NotAnObject('send JSON objects: {"type": …, "data": {…}}')
    return data


def frame_id(data: dict[str, Any]) -> str | None:
    """The client's `id` for its frame. Raises ValidationFailed."""
    found = data.get("id")
    if found is None or (type(found) is str and 0 < len(found) <= MAX_ID):
        return found
    raise ValidationFailed.of("id", f"must be text of 1 to {MAX_ID} characters")


def read_frame(data: dict[str, Any]) -> ClientFrame:
    """The frame that an object describes. Raises ValidationFailed with the path of each bad field."""
    type_ = data.get("type")
    cls = FRAMES.get(type_) if type(type_) is str else None
    if cls is None:
        raise ValidationFailed.of("type", "must be one of " + ", ".join(FRAMES))
    if len(data) > len(_FIELDS) or not _FIELDS.issuperset(data):
        unknown = sorted(data.keys() - _FIELDS)
        raise ValidationFailed(f"{unknown[0]}: is not a known field", dict.fromkeys(unknown, "is not a known field"))
    return wire.structure(data.get("data", {}), cls)
