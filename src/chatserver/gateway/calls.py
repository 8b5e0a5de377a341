"""What each frame asks of the services, and what its reply says."""

from collections.abc import Awaitable, Callable
from typing import Any

from chatserver.gateway import frames, huddle_calls
from chatserver.gateway.caller import NOTHING, Caller
from chatserver.gateway.frames import ClientFrame

SEND_RULE = "socket:send_message"
TYPING_RULE = "socket:typing"


async def send_message(by: Caller, frame: frames.SendMessage) -> Any:
    by.limiter.hit(SEND_RULE, by.user_id)
    message = await by.chat.messages.send(
        frame.channel_id,
        author=by.user_id,
        content=frame.content,
        thread_id=frame.thread_id,
        temp_id=frame.temp_id,
        attachment_ids=frame.attachment_ids,
    )
    return {"message": message}


async def edit_message(by: Caller, frame: frames.EditMessage) -> Any:
    return {"message": await by.chat.messages.edit(frame.message_id, actor=by.user_id, content=frame.content)}


async def delete_message(by: Caller, frame: frames.DeleteMessage) -> Any:
    await by.chat.messages.delete(frame.message_id, actor=by.user_id)
    return NOTHING


async def add_reaction(by: Caller, frame: frames.AddReaction) -> Any:
    return {"message": await by.chat.reactions.add(frame.message_id, frame.emoji, actor=by.user_id)}


async def remove_reaction(by: Caller, frame: frames.RemoveReaction) -> Any:
    return {"message": await by.chat.reactions.remove(frame.message_id, frame.emoji, actor=by.user_id)}


async def mark_read(by: Caller, frame: frames.MarkRead) -> Any:
    return await by.chat.reads.mark(frame.channel_id, frame.message_id, actor=by.user_id)


async def typing_start(by: Caller, frame: frames.TypingStart) -> Any:
    by.limiter.hit(TYPING_RULE, by.user_id)
    await by.chat.typing.set(frame.channel_id, True, actor=by.user_id)
    return NOTHING


async def typing_stop(by: Caller, frame: frames.TypingStop) -> Any:
    by.limiter.hit(TYPING_RULE, by.user_id)
    await by.chat.typing.set(frame.channel_id, False, actor=by.user_id)
    return NOTHING


async def update_presence(by: Caller, frame: frames.UpdatePresence) -> Any:
    await by.chat.presence.update(by.user_id, by.connection_id, frame.status)
    return NOTHING


CALLS: dict[type[ClientFrame], Callable[[Caller, Any], Awaitable[Any]]] = {
    frames.SendMessage: send_message,
    frames.EditMessage: edit_message,
    frames.DeleteMessage: delete_message,
    frames.AddReaction: add_reaction,
    frames.RemoveReaction: remove_reaction,
    frames.MarkRead: mark_read,
    frames.TypingStart: typing_start,
    frames.TypingStop: typing_stop,
    frames.UpdatePresence: update_presence,
    **huddle_calls.CALLS,
}
"""Every frame but those about the connection itself (authenticate, join_workspace, leave_workspace)."""
