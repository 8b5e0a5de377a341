"""What the frames about huddles ask of the service. A device that a client does not name is its connection."""

from collections.abc import Awaitable, Callable
from typing import Any

from chatcore.model import Signal
from chatcore.ports import VideoWish
from chatcore.service.huddle_desk import HuddleView
from chatcore.service.huddle_people import StateChange
from chatserver.gateway import frames
from chatserver.gateway.caller import NOTHING, Caller
from chatserver.gateway.frames import ClientFrame

JOIN_RULE = "huddle:join"
SIGNAL_RULE = "huddle:signal"
STATE_RULE = "huddle:state"
RING_RULE = "huddle:ring"


async def start_huddle(by: Caller, frame: frames.StartHuddle) -> Any:
    by.limiter.hit(JOIN_RULE, by.user_id)
    view = await by.chat.huddles.start(
        frame.channel_id,
        actor=by.user_id,
        title=frame.title,
        mode=frame.mode,
        device_id=frame.device_id or by.connection_id,
        connection=by.connection_id,
    )
    return shown(view)


async def join_huddle(by: Caller, frame: frames.JoinHuddle) -> Any:
    by.limiter.hit(JOIN_RULE, by.user_id)
    view = await by.chat.huddles.join(
        frame.huddle_id,
        actor=by.user_id,
        device_id=frame.device_id or by.connection_id,
        connection=by.connection_id,
        offer=frame.offer,
        sources={each.mid: each.source for each in frame.sources},
    )
    answer = {} if view.answer is None else {"answer": view.answer}
    return {**answer, **shown(view), "iceServers": by.chat.huddles.ice_servers(by.user_id), "deviceId": view.device_id}


def shown(view: HuddleView) -> dict[str, Any]:
    """A huddle as replies show it."""
    return {
        "huddle": view.huddle,
        "participants": view.participants,
        "devices": [{"userId": user_id, "deviceIds": devices} for user_id, devices in view.devices.items()],
        "speaking": view.speaking,
    }


async def leave_huddle(by: Caller, frame: frames.LeaveHuddle) -> Any:
    await by.chat.huddles.leave(frame.huddle_id, actor=by.user_id, device_id=frame.device_id)
    return NOTHING


async def huddle_signal(by: Caller, frame: frames.HuddleSignal) -> Any:
    by.limiter.hit(SIGNAL_RULE, by.user_id)
    given = frame.signal
    signal = Signal(
        type=given.type,
        data=given.data,
        target_user_id=given.target_user_id,
        target_device_id=given.target_device_id,
    )
    device_id = frame.device_id or by.connection_id
    await by.chat.huddles.signal(frame.huddle_id, signal, actor=by.user_id, device_id=device_id)
    return NOTHING


async def huddle_state(by: Caller, frame: frames.HuddleState) -> Any:
    by.limiter.hit(STATE_RULE, by.user_id)
    change = StateChange(
        muted=frame.muted,
        camera=frame.camera,
        sharing=frame.sharing,
        hand_raised=frame.hand_raised,
        speaking=frame.speaking,
    )
    return {"participant": await by.chat.huddles.set_state(frame.huddle_id, change, actor=by.user_id)}


async def huddle_wants(by: Caller, frame: frames.HuddleWants) -> Any:
    by.limiter.hit(STATE_RULE, by.user_id)
    videos = tuple(VideoWish(user_id=each.user_id, source=each.source) for each in frame.videos)
    device_id = frame.device_id or by.connection_id
    await by.chat.huddles.wants(frame.huddle_id, videos, actor=by.user_id, device_id=device_id)
    return NOTHING


async def mute_participant(by: Caller, frame: frames.MuteParticipant) -> Any:
    by.limiter.hit(STATE_RULE, by.user_id)
    return {"participant": await by.chat.huddles.mute(frame.huddle_id, frame.user_id, actor=by.user_id)}


async def remove_participant(by: Caller, frame: frames.RemoveParticipant) -> Any:
    await by.chat.huddles.remove(frame.huddle_id, frame.user_id, actor=by.user_id)
    return NOTHING


async def ring_huddle(by: Caller, frame: frames.RingHuddle) -> Any:
    by.limiter.hit(RING_RULE, by.user_id)
    return {"ringing": await by.chat.huddles.ring(frame.huddle_id, actor=by.user_id, user=frame.user_id)}


async def decline_huddle(by: Caller, frame: frames.DeclineHuddle) -> Any:
    by.limiter.hit(RING_RULE, by.user_id)
    await by.chat.huddles.decline(frame.huddle_id, actor=by.user_id)
    return NOTHING


async def start_recording(by: Caller, frame: frames.StartRecording) -> Any:
    by.limiter.hit(STATE_RULE, by.user_id)
    return {"huddle": (await by.chat.huddles.start_recording(frame.huddle_id, actor=by.user_id)).huddle}


async def stop_recording(by: Caller, frame: frames.StopRecording) -> Any:
    by.limiter.hit(STATE_RULE, by.user_id)
    await by.chat.huddles.stop_recording(frame.huddle_id, actor=by.user_id)
    return NOTHING


CALLS: dict[type[ClientFrame], Callable[[Caller, Any], Awaitable[Any]]] = {
    frames.StartHuddle: start_huddle,
    frames.JoinHuddle: join_huddle,
    frames.LeaveHuddle: leave_huddle,
    frames.HuddleSignal: huddle_signal,
    frames.HuddleState: huddle_state,
    frames.HuddleWants: huddle_wants,
    frames.MuteParticipant: mute_participant,
    frames.RemoveParticipant: remove_participant,
    frames.RingHuddle: ring_huddle,
    frames.DeclineHuddle: decline_huddle,
    frames.StartRecording: start_recording,
    frames.StopRecording: stop_recording,
}
