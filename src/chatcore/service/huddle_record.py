"""The record that a huddle leaves in its channel when it ends: how long it was, and who was in it."""

from datetime import timedelta

from chatcore.events import MessageReceived
from chatcore.ids import MessageId, UserId
from chatcore.model import Huddle, Message, MessageKind, Participant
from chatcore.ports import Post, Tx, seal
from chatcore.service.core import Core

MAX_NAMED = 20
"""People whom the record names; of the others it says how many they were."""


async def post_record(core: Core, huddle: Huddle) -> Message | None:
    """Say in the channel that the huddle was; None when that is archived, or nobody who was in the one is in the other.

    Said once: its `temp_id` is the huddle's.
    """
    people = await core.storage.read(lambda tx: _people(tx, huddle))
    workspace = await core.directory.load(huddle.workspace_id)
    channel = None if workspace is None else workspace.channels.get(huddle.channel_id)
    if channel is None or channel.archived:
        return None
    author = next((each for each in (huddle.created_by, *people) if each in channel.members), None)
    if author is None:
        return None
    message = Message(
        id=MessageId(core.new_id()),
        channel_id=huddle.channel_id,
        user_id=author,
        user=await core.cards.get(author),
        content=text_of(huddle, people),
        temp_id=f"huddle:{huddle.id}",
        kind=MessageKind.HUDDLE,
        created_at=core.clock.now(),
    )
    event = MessageReceived(workspace_id=huddle.workspace_id, message=message)
    posted = await core.storage.post(Post(message=message, envelope=seal(event)))
    if not posted.duplicate:
        core.hooks.did("message_sent", message=posted.message, workspace_id=huddle.workspace_id)
    return posted.message


def text_of(huddle: Huddle, people: list[UserId]) -> str:
    """`Huddle “Tea” ended after 12 minutes: <@…>, <@…> and 3 more were in it.`"""
    named = ", ".join(f"<@{user_id}>" for user_id in people[:MAX_NAMED])
    more = f" and {len(people) - MAX_NAMED} more" if len(people) > MAX_NAMED else ""
    title = f" “{huddle.title}”" if huddle.title else ""
    over = huddle.empty_since or huddle.ended_at or huddle.started_at
    verb = "was" if len(people) == 1 else "were"
    return f"Huddle{title} ended after {_span(over - huddle.started_at)}: {named}{more} {verb} in it."


def _span(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))  # the wall clock may have jumped back
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return f"{_count(hours, 'hour')} {_count(minutes, 'minute')}" if minutes else _count(hours, "hour")
    return _count(minutes, "minute") if minutes else _count(seconds, "second")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


async def _people(tx: Tx, huddle: Huddle) -> list[UserId]:
    def order(row: Participant) -> tuple[object, str]:
        return row.joined_at, row.user_id

    rows = await tx.participants.find(huddle_id=huddle.id)
    return [row.user_id for row in sorted(rows, key=order)]
