"""How a client's view follows the events, fact by fact; that it follows them all, the oracle of the services shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from chatcore import events
from chatcore.events import EVENT_CLASSES, Event, Mentioned, ParticipantCard
from chatcore.ids import ChannelId, HuddleId, MessageId, UserId, WorkspaceId, uuid7
from chatcore.model import (
    Channel,
    ChannelType,
    Huddle,
    MemberCard,
    Message,
    PresenceStatus,
    ReactionSummary,
    Role,
    Signal,
    SignalType,
    UserCard,
    Workspace,
)
from chatcore.state import ChannelState, HuddleState, State, apply

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEAM = WorkspaceId(uuid7(1))
ME, ANN, BEN = (UserId(uuid7(ms)) for ms in (10, 11, 12))
ROOM, OTHER = (ChannelId(uuid7(ms)) for ms in (20, 21))
HUDDLE = HuddleId(uuid7(30))


def card(user_id: UserId, name: str = "", role: Role = Role.MEMBER, **fields: Any) -> MemberCard:
    return MemberCard(user_id=user_id, display_name=name or user_id[-4:], role=role, **fields)


def channel(channel_id: ChannelId = ROOM, type_: ChannelType = ChannelType.PUBLIC, **fields: Any) -> Channel:
    given: dict[str, Any] = {"name": "room", "created_at": NOW, "updated_at": NOW, **fields}
    return Channel(id=channel_id, workspace_id=TEAM, type=type_, created_by=ANN, **given)


def message(seq: int, author: UserId = ANN, **fields: Any) -> Message:
    given: dict[str, Any] = {"content": f"message {seq}", "channel_id": ROOM, **fields}
    face = UserCard(display_name=author[-4:])
    return Message(
        id=MessageId(uuid7(1000 + seq, bytes(10))), user_id=author, user=face, created_at=NOW, seq=seq, **given
    )


def received(one: Message) -> events.MessageReceived:
    return events.MessageReceived(workspace_id=TEAM, seq=one.seq, message=one)


def participant(user_id: UserId) -> ParticipantCard:
    return ParticipantCard(user_id=user_id, display_name=user_id[-4:], joined_at=NOW)


def workspace(name: str = "Team") -> Workspace:
    return Workspace(id=TEAM, name=name, slug="team", created_by=ANN, created_at=NOW, updated_at=NOW)


def state(*channels: ChannelState, seq: int = 100, role: Role = Role.MEMBER, **fields: Any) -> State:
    return State(
        user_id=ME,
        workspace=workspace(),
        seq=seq,
        members={user_id: card(user_id, role=role if user_id == ME else Role.MEMBER) for user_id in (ME, ANN, BEN)},
        channels={it.channel.id: it for it in channels},
        **fields,
    )


def room(*messages: Message, type_: ChannelType = ChannelType.PUBLIC, **fields: Any) -> ChannelState:
    given: dict[str, Any] = {
        "joined": True,
        "members": frozenset({ME, ANN}),
        "messages": {one.id: one for one in messages},
        **fields,
    }
    return ChannelState(channel=channel(type_=type_), **given)


def after(before: State, *happened: Event) -> ChannelState:
    """The room after these events."""
    for event in happened:
        before = apply(before, event)
    return before.channels[ROOM]


def counts(it: ChannelState) -> tuple[int, int, int]:
    return it.read_seq, it.unread_count, it.mention_count


# --- in general ----------------------------------------------------------------------------------------------------

SAMPLES: tuple[Event, ...] = (
    received(message(101)),
    events.MessageUpdated(
        workspace_id=TEAM, seq=101, channel_id=ROOM, message_id=message(1).id, content="new", edited_at=NOW
    ),
    events.MessageDeleted(workspace_id=TEAM, seq=101, channel_id=ROOM, message_id=message(1).id, message_seq=1),
    events.ReactionAdded(
        workspace_id=TEAM,
        seq=101,
        channel_id=ROOM,
        message_id=message(1).id,
        emoji="👍",
        user_id=ANN,
        user=UserCard(display_name="Ann"),
    ),
    events.ReactionRemoved(
        workspace_id=TEAM,
        seq=101,
        channel_id=ROOM,
        message_id=message(1).id,
        emoji="👍",
        user_id=ANN,
        user=UserCard(display_name="Ann"),
    ),
    events.ReadUpdated(
        workspace_id=TEAM, seq=101, user_id=ME, channel_id=ROOM, read_seq=5, unread_count=2, mention_count=1
    ),
    events.ChannelCreated(workspace_id=TEAM, seq=101, channel=channel(OTHER), member_ids=(ANN,)),
    events.ChannelUpdated(workspace_id=TEAM, seq=101, channel=channel(OTHER)),
    events.ChannelArchived(workspace_id=TEAM, seq=101, channel_id=ROOM, archived_at=NOW),
    events.ChannelHidden(workspace_id=TEAM, seq=101, channel_id=ROOM),
    events.MemberJoined(workspace_id=TEAM, seq=101, member=card(BEN), channel=channel(OTHER)),
    events.MemberLeft(workspace_id=TEAM, seq=101, user_id=BEN, channel_id=ROOM),
    events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(BEN, "Benjamin")),
    events.WorkspaceUpdated(workspace_id=TEAM, seq=101, workspace=workspace("New")),
    events.HuddleStarted(
        workspace_id=TEAM,
        seq=101,
        huddle=Huddle(id=HUDDLE, workspace_id=TEAM, channel_id=ROOM, created_by=ANN, started_at=NOW),
        started_by=UserCard(display_name="Ann"),
    ),
    events.HuddleUserJoined(workspace_id=TEAM, seq=101, channel_id=ROOM, huddle_id=HUDDLE, user=participant(ANN)),
    events.HuddleUserLeft(workspace_id=TEAM, seq=101, channel_id=ROOM, huddle_id=HUDDLE, user_id=ANN),
    events.HuddleEnded(workspace_id=TEAM, seq=101, channel_id=ROOM, huddle_id=HUDDLE, ended_at=NOW),
    events.Typing(workspace_id=TEAM, channel_id=ROOM, user_id=ANN, user=UserCard(display_name="Ann"), is_typing=True),
    events.PresenceUpdate(workspace_id=TEAM, user_id=ANN, status=PresenceStatus.AWAY),
    events.HuddleSignal(
        workspace_id=TEAM,
        huddle_id=HUDDLE,
        channel_id=ROOM,
        from_user_id=ANN,
        to_user_id=ME,
        signal=Signal(type=SignalType.OFFER, data="v=0"),
    ),
    events.HuddleUserUpdated(
        workspace_id=TEAM, seq=101, channel_id=ROOM, huddle_id=HUDDLE, user=participant(ANN), by_user_id=ANN
    ),
    events.HuddleUpdated(
        workspace_id=TEAM,
        seq=101,
        channel_id=ROOM,
        huddle=Huddle(id=HUDDLE, workspace_id=TEAM, channel_id=ROOM, created_by=ANN, started_at=NOW),
    ),
    events.HuddleSpeaking(
        workspace_id=TEAM,
        huddle_id=HUDDLE,
        channel_id=ROOM,
        to_user_id=ME,
        speaking=(ANN,),
        slots=(events.Slot(device_id="main", mid="1", user_id=ANN),),
    ),
    events.HuddleRejoin(workspace_id=TEAM, channel_id=ROOM, huddle_id=HUDDLE, reason="gone"),
    events.HuddleRing(
        workspace_id=TEAM,
        channel_id=ROOM,
        huddle_id=HUDDLE,
        user_id=ANN,
        user=UserCard(display_name="Ann"),
        to_user_id=ME,
        status=events.RingStatus.RINGING,
        timeout_seconds=30,
    ),
)
BY_TYPE = {sample.type: sample for sample in SAMPLES}
OF_A_CHANNEL_UNKNOWN = [
    sample
    for sample in SAMPLES
    if sample.type
    not in {
        "channel_created",
        "channel_updated",
        "member_joined",
        "member_updated",
        "workspace_updated",
        "presence_update",
    }
]


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(sample) for sample in SAMPLES} == set(EVENT_CLASSES)


@pytest.mark.parametrize("event", [sample for sample in SAMPLES if sample.durable], ids=lambda event: event.type)
def test_an_event_that_is_known_changes_nothing(event: Event) -> None:
    known = state(room(message(1)), seq=101)
    assert apply(known, event) is known
    once = apply(state(room(message(1))), event)
    assert once.seq == 101
    assert apply(once, event) is once


@pytest.mark.parametrize("event", OF_A_CHANNEL_UNKNOWN, ids=lambda event: event.type)
def test_of_a_channel_that_one_does_not_see_only_the_seq_is_learnt(event: Event) -> None:
    before = state()
    assert apply(before, event) == attrs.evolve(before, seq=event.seq or before.seq)


def test_what_is_said_and_forgotten_leaves_the_position() -> None:
    before = state(room())
    assert apply(before, BY_TYPE["typing"]) == before
    assert apply(before, BY_TYPE["huddle_signal"]) == before
    assert apply(before, BY_TYPE["presence_update"]).seq == before.seq


def test_the_workspace_follows() -> None:
    assert apply(state(), BY_TYPE["workspace_updated"]).workspace == workspace("New")


# --- messages ------------------------------------------------------------------------------------------------------


def test_a_message_of_somebody_else_is_unread() -> None:
    one = message(101)
    it = after(state(room(read_seq=50)), received(one))
    assert it.messages == {one.id: one}
    assert counts(it) == (50, 1, 0)


def test_mentions_are_counted_once_whoever_they_name() -> None:
    it = after(
        state(room()),
        received(message(101, mentions=(ME,))),
        received(message(102, mentions_all=True)),
        received(message(103, mentions=(ME,), mentions_all=True)),
        received(message(104, mentions=(BEN,))),
    )
    assert counts(it) == (0, 4, 3)


def test_a_reply_counts_as_a_mention_only() -> None:
    root = message(1)
    it = after(state(room(root)), received(message(101, thread_id=root.id, mentions=(ME,))))
    assert counts(it) == (0, 0, 1)
    assert it.messages is not None
    assert it.messages[root.id].thread_reply_count == 1


def test_ones_own_message_moves_the_marker() -> None:
    it = after(state(room(unread_count=3, mention_count=2)), received(message(101, ME, mentions=(ME,))))
    assert counts(it) == (101, 0, 0)


def test_ones_own_reply_leaves_the_marker() -> None:
    it = after(state(room(message(1), unread_count=3)), received(message(101, ME, thread_id=message(1).id)))
    assert counts(it) == (0, 3, 0)


def test_who_is_not_in_a_channel_has_nothing_unread_there() -> None:
    it = after(state(room(joined=False)), received(message(101, mentions_all=True)))
    assert counts(it) == (0, 0, 0)


def test_what_is_not_loaded_is_counted_and_not_kept() -> None:
    it = after(state(room(messages=None)), received(message(101)), BY_TYPE["message_updated"])
    assert it.messages is None
    assert it.unread_count == 1


def test_an_author_has_the_face_of_now_even_in_an_old_event() -> None:
    before = apply(state(room()), events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ANN, "Anna")))
    it = after(before, received(message(102)))
    assert it.messages is not None
    assert it.messages[message(102).id].user.display_name == "Anna"


def test_an_edit_changes_the_text_and_not_the_count() -> None:
    one = message(90)
    event = events.MessageUpdated(
        workspace_id=TEAM,
        seq=101,
        channel_id=ROOM,
        message_id=one.id,
        content="hello @channel",
        mentions=(ME,),
        mentions_all=True,
        edited_at=NOW,
    )
    it = after(state(room(one, unread_count=1)), event)
    assert it.messages is not None
    assert it.messages[one.id] == attrs.evolve(
        one, content="hello @channel", mentions=(ME,), mentions_all=True, edited_at=NOW
    )
    assert counts(it) == (0, 1, 0)


def deleted(one: Message, *mentioned: Mentioned, seq: int = 101) -> events.MessageDeleted:
    return events.MessageDeleted(
        workspace_id=TEAM,
        seq=seq,
        channel_id=ROOM,
        message_id=one.id,
        thread_id=one.thread_id,
        message_seq=one.seq,
        mentioned=mentioned,
    )


def test_a_message_goes_with_its_replies_and_what_it_counted() -> None:
    root, reply, other = message(90), message(91, thread_id=message(90).id), message(92)
    before = state(room(root, reply, other, read_seq=80, unread_count=2, mention_count=2))
    it = after(
        before,
        deleted(
            root, Mentioned(seq=90, author_id=ANN, everyone=True), Mentioned(seq=91, author_id=ANN, user_ids=(ME,))
        ),
    )
    assert it.messages == {other.id: other}
    assert counts(it) == (80, 1, 0)


def test_what_was_read_is_not_taken_off_again() -> None:
    one = message(70)
    mentioned = Mentioned(seq=70, author_id=ANN, user_ids=(ME,))
    assert counts(after(state(room(one, read_seq=80, unread_count=2)), deleted(one, mentioned))) == (80, 2, 0)


def test_ones_own_call_for_everyone_never_counted() -> None:
    """It is unread only if the marker was put back before it, and then without the mention."""
    one = message(90, ME, mentions_all=True)
    mentioned = Mentioned(seq=90, author_id=ME, everyone=True)
    assert counts(after(state(room(one, read_seq=80, unread_count=1)), deleted(one, mentioned))) == (80, 0, 0)


def test_a_reply_that_goes_is_taken_off_its_root() -> None:
    root = message(90, thread_reply_count=2)
    it = after(state(room(root, unread_count=1)), deleted(message(95, thread_id=root.id)))
    assert it.messages is not None
    assert it.messages[root.id].thread_reply_count == 1
    assert it.unread_count == 1


def reaction(
    kind: type[events.ReactionAdded] | type[events.ReactionRemoved], seq: int, who: UserId, emoji: str
) -> Event:
    return kind(
        workspace_id=TEAM,
        seq=seq,
        channel_id=ROOM,
        message_id=message(1).id,
        emoji=emoji,
        user_id=who,
        user=UserCard(display_name="x"),
    )


def test_reactions_come_and_go() -> None:
    added, removed = events.ReactionAdded, events.ReactionRemoved
    it = after(
        state(room(message(1))),
        reaction(added, 101, ANN, "👍"),
        reaction(added, 102, BEN, "👍"),
        reaction(added, 103, ANN, "🎉"),
        reaction(removed, 104, ANN, "👍"),
        reaction(removed, 105, ANN, "🎉"),
    )
    assert it.messages is not None
    assert it.messages[message(1).id].reactions == (ReactionSummary(emoji="👍", count=1, users=(BEN,)),)


def test_the_marker_and_its_counts_are_taken_over() -> None:
    assert counts(after(state(room(unread_count=7)), BY_TYPE["read_updated"])) == (5, 2, 1)


# --- channels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("joined", [True, False])
def test_a_new_channel_is_known_entirely(joined: bool) -> None:
    people = (ME, ANN) if joined else (ANN,)
    event = events.ChannelCreated(workspace_id=TEAM, seq=101, channel=channel(), member_ids=people)
    it = after(state(keeps_messages=True), event)
    assert it == ChannelState(
        channel=channel(), joined=joined, read_seq=101 if joined else 0, members=frozenset(people), messages={}
    )


def test_a_program_that_runs_for_days_does_not_gather_the_messages_of_new_channels() -> None:
    made = events.ChannelCreated(workspace_id=TEAM, seq=101, channel=channel(), member_ids=(ME, ANN))
    it = after(state(), made, received(message(102)), received(message(103)))
    assert (it.messages, it.unread_count) == (None, 2)


def test_a_channel_that_comes_into_sight_is_not_loaded() -> None:
    it = after(state(), events.ChannelUpdated(workspace_id=TEAM, seq=101, channel=channel()))
    assert it == ChannelState(channel=channel(), huddle_known=False)


def test_a_known_channel_keeps_what_is_loaded() -> None:
    renamed = channel(name="new-name")
    before = state(room(message(1), unread_count=1))
    it = after(before, events.ChannelUpdated(workspace_id=TEAM, seq=101, channel=renamed))
    assert it == attrs.evolve(before.channels[ROOM], channel=renamed)


def test_an_archived_channel_says_since_when() -> None:
    later = NOW + timedelta(days=1)
    event = events.ChannelArchived(workspace_id=TEAM, seq=101, channel_id=ROOM, archived_at=later)
    it = after(state(room()), event)
    assert (it.channel.archived_at, it.channel.updated_at) == (later, later)


def test_a_hidden_channel_is_gone() -> None:
    assert apply(state(room()), BY_TYPE["channel_hidden"]).channels == {}


# --- members -------------------------------------------------------------------------------------------------------


def joined(user_id: UserId, where: Channel | None, seq: int = 101) -> events.MemberJoined:
    return events.MemberJoined(workspace_id=TEAM, seq=seq, member=card(user_id), channel=where)


def left(user_id: UserId, where: ChannelId | None, seq: int = 101) -> events.MemberLeft:
    return events.MemberLeft(workspace_id=TEAM, seq=seq, user_id=user_id, channel_id=where)


def test_others_come_and_go() -> None:
    newcomer = UserId(uuid7(13))
    there = apply(state(room()), joined(newcomer, None))
    assert there.members[newcomer] == card(newcomer)
    inside = apply(there, joined(newcomer, channel(), 102))
    assert inside.channels[ROOM].members == frozenset({ME, ANN, newcomer})
    assert apply(inside, left(newcomer, ROOM, 103)).channels[ROOM].members == frozenset({ME, ANN})
    gone = apply(apply(inside, BY_TYPE["presence_update"]), left(newcomer, None, 103))
    assert newcomer not in gone.members
    assert gone.channels[ROOM].members == frozenset({ME, ANN})
    assert not gone.stale


def test_who_joins_a_channel_has_read_it() -> None:
    it = after(state(room(message(1), joined=False, members=frozenset({ANN}))), joined(ME, channel()))
    assert it.joined
    assert it.members == frozenset({ME, ANN})
    assert counts(it) == (101, 0, 0)


def test_who_is_brought_into_a_private_channel_sees_it_from_now_on() -> None:
    private = channel(type_=ChannelType.PRIVATE)
    it = after(state(), joined(ME, private))
    assert it == ChannelState(channel=private, joined=True, read_seq=101, huddle_known=False)


def test_who_leaves_a_public_channel_still_sees_it() -> None:
    it = after(state(room(message(1), read_seq=5, unread_count=3, mention_count=1)), left(ME, ROOM))
    assert not it.joined
    assert it.members == frozenset({ANN})
    assert counts(it) == (0, 0, 0)
    assert it.messages is not None


@pytest.mark.parametrize(
    ("type_", "role"), [(ChannelType.PRIVATE, Role.OWNER), (ChannelType.PUBLIC, Role.GUEST)], ids=["private", "guest"]
)
def test_who_leaves_what_they_cannot_see_loses_it(type_: ChannelType, role: Role) -> None:
    assert apply(state(room(type_=type_), role=role), left(ME, ROOM)).channels == {}


def test_who_leaves_the_workspace_has_to_read_afresh() -> None:
    assert apply(state(room()), left(ME, None)).stale


@pytest.mark.parametrize(
    ("before", "now", "stale"),
    [
        (Role.MEMBER, Role.GUEST, True),
        (Role.GUEST, Role.MEMBER, True),
        (Role.MEMBER, Role.ADMIN, False),
        (Role.GUEST, Role.GUEST, False),
    ],
)
def test_who_becomes_a_guest_or_is_none_any_more_has_to_read_afresh(before: Role, now: Role, stale: bool) -> None:
    event = events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ME, role=now))
    turned = apply(state(room(), role=before), event)
    assert turned.stale is stale
    assert turned.role is now


def test_what_becomes_of_others_makes_nothing_stale() -> None:
    event = events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ANN, role=Role.GUEST, deactivated=True))
    assert not apply(state(room()), event).stale
    mine = events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ME, deactivated=True))
    assert apply(state(room()), mine).stale


def test_a_new_name_is_shown_everywhere() -> None:
    before = state(
        room(message(1), message(2, BEN), huddle=HuddleState(id=HUDDLE, participants={ANN: participant(ANN)}))
    )
    it = after(
        before, events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ANN, "Anna", avatar_url="https://a"))
    )
    assert it.messages is not None
    assert it.messages[message(1).id].user == UserCard(display_name="Anna", avatar_url="https://a")
    assert it.messages[message(2).id] == message(2, BEN)
    assert it.huddle is not None
    assert it.huddle.participants[ANN].display_name == "Anna"


def test_who_comes_back_is_shown_as_they_are_now() -> None:
    there = apply(apply(state(room(message(1))), left(ANN, None)), joined(ANN, None, 102))
    back = events.MemberJoined(workspace_id=TEAM, seq=102, member=card(ANN, "Anna"))
    it = after(apply(state(room(message(1))), left(ANN, None)), back)
    assert it.messages is not None
    assert it.messages[message(1).id].user.display_name == "Anna"
    assert there.members[ANN] == card(ANN)


def test_presence_is_kept_of_members_who_are_there() -> None:
    there = apply(state(), BY_TYPE["presence_update"])
    assert there.presence == {ANN: PresenceStatus.AWAY}
    gone = events.PresenceUpdate(workspace_id=TEAM, user_id=ANN, status=PresenceStatus.OFFLINE)
    assert apply(there, gone).presence == {}
    assert apply(there, left(ANN, None)).presence == {}
    closed = events.MemberUpdated(workspace_id=TEAM, seq=101, member=card(ANN, deactivated=True))
    assert apply(there, closed).presence == {}
    late = events.PresenceUpdate(workspace_id=TEAM, user_id=ANN, status=PresenceStatus.ONLINE)
    assert apply(apply(there, closed), late).presence == {}
    stranger = events.PresenceUpdate(workspace_id=TEAM, user_id=UserId(uuid7(99)), status=PresenceStatus.ONLINE)
    assert apply(there, stranger) == there


# --- huddles -------------------------------------------------------------------------------------------------------


def at(event: Event, seq: int) -> Event:
    return attrs.evolve(event, seq=seq)


def test_a_huddle_from_its_start_to_its_end() -> None:
    going = after(state(room()), BY_TYPE["huddle_started"], at(BY_TYPE["huddle_user_joined"], 102))
    assert going.huddle == HuddleState(id=HUDDLE, participants={ANN: participant(ANN)})
    empty = after(state(going, seq=102), at(BY_TYPE["huddle_user_left"], 103))
    assert empty.huddle == HuddleState(id=HUDDLE)
    assert after(state(empty, seq=103), at(BY_TYPE["huddle_ended"], 104)).huddle is None


@pytest.mark.parametrize("kind", ["huddle_started", "huddle_ended"])
def test_of_an_unknown_huddle_one_learns_by_its_start_or_end(kind: str) -> None:
    unknown = room(huddle_known=False)
    assert not after(state(unknown), BY_TYPE["huddle_user_joined"]).huddle_known
    assert after(state(unknown), BY_TYPE[kind]).huddle_known
