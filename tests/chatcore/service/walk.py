"""A random walk through everything that people do in a workspace, rights and wrongs alike."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import attrs
import trio

from chatcore.chat import Chat
from chatcore.errors import ChatError
from chatcore.ids import ChannelId, HuddleId, MessageId
from chatcore.model import ChannelType, HuddleMode, Message, PresenceStatus, Role, Signal, SignalType, User, Workspace
from chatcore.service.huddle_people import StateChange
from chatcore.testing.clock import FakeClock

EMOJI = ("👍", "❤️", "🎉", ":shipit:")
NAMES = ("alpha", "beta", "gamma", "delta", "general")

Step = Callable[["Walk"], Awaitable[Any]]
STEPS: list[tuple[int, Step]] = []
"""What may happen, and how often compared with the rest."""


def step(weight: int) -> Callable[[Step], Step]:
    def register(function: Step) -> Step:
        STEPS.append((weight, function))
        return function

    return register


@attrs.define(eq=False)
class Walk:
    """The people and things that were ever there, also those that are gone, and what was done with them."""

    chat: Chat
    random: Random
    clock: FakeClock
    workspace: Workspace
    people: list[User]
    channels: list[ChannelId] = attrs.field(factory=list)
    messages: list[Message] = attrs.field(factory=list)
    huddles: list[HuddleId] = attrs.field(factory=list)
    texts: dict[MessageId, list[str]] = attrs.field(factory=dict)
    deleted: list[str] = attrs.field(factory=list)
    trace: list[str] = attrs.field(factory=list)
    done: int = 0
    count: int = 0

    async def go(self) -> bool:
        """One step; whether it was allowed. Every error but a refusal is a failure of the product."""
        weights, steps = zip(*STEPS, strict=True)
        (chosen,) = self.random.choices(steps, weights)
        self.count += 1
        name = chosen.__name__
        try:
            await chosen(self)
        except ChatError as error:
            self.trace.append(f"{name}: {type(error).__name__}: {error.message}")
            return False
        self.done += 1
        self.trace.append(name)
        return True

    # --- choosing --------------------------------------------------------------------------------------------------

    def person(self) -> User:
        """Usually a member."""
        facts = self.chat.directory.loaded(self.workspace.id)
        assert facts is not None
        members = [user for user in self.people if facts.role(user.id) is not None]
        return self.random.choice(members if members and self.chance(0.9) else self.people)

    def outsider(self) -> User:
        """Usually somebody who is no member, or whose account is closed."""
        facts = self.chat.directory.loaded(self.workspace.id)
        assert facts is not None
        others = [user for user in self.people if facts.role(user.id) is None]
        return self.random.choice(others if others and self.chance(0.9) else self.people)

    def inside(self, channel_id: ChannelId) -> User:
        """Usually somebody who is in the channel."""
        facts = self.chat.directory.loaded(self.workspace.id)
        assert facts is not None
        members = facts.channels[channel_id].members if channel_id in facts.channels else ()
        choices = [user for user in self.people if user.id in members]
        return self.random.choice(choices) if choices and self.chance(0.8) else self.person()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def visible(self, user: User) -> ChannelId:
        """A channel, usually one that the person can read, and usually one that they are in."""
        facts = self.chat.directory.loaded(self.workspace.id)
        assert facts is not None
        seen = [id_ for id_ in self.channels if facts.may_read(user.id, id_)]
        inside = [id_ for id_ in seen if user.id in facts.channels[id_].members]
        for choices, share in ((inside, 0.8), (seen, 0.9), (self.channels, 1.0)):
            if choices and self.chance(share):
                return self.random.choice(choices)
        return ChannelId(self.workspace.id)

    def message(self, channel_id: ChannelId | None = None) -> Message:
        """A message, usually of the channel, usually one of the last; it may be gone."""
        of_channel = [message for message in self.messages if message.channel_id == channel_id]
        choices = of_channel if of_channel and self.chance(0.9) else self.messages
        return self.random.choice(choices[-8:] if self.chance(0.7) else choices)

    def words(self) -> str:
        """A text that occurs nowhere else, which may mention people."""
        words = [f"text-{self.random.getrandbits(48):012x}"]
        if self.chance(0.3):
            words.append(f"<@{self.person().id}>")
        if self.chance(0.15):
            words.append(self.random.choice(("@channel", "@here", "@everyone")))
        self.random.shuffle(words)
        return " ".join(words)

    def token(self, content: str) -> str:
        return next(word for word in content.split() if word.startswith("text-"))


async def open_walk(chat: Chat, random: Random, clock: FakeClock) -> Walk:
    """A small team with all roles, and two people outside of it."""
    people = [
        await chat.users.create(email=f"{name}@example.org", display_name=name)
        for name in ("owner", "admin", "ann", "ben", "guest", "visitor", "newcomer")
    ]
    owner, admin, ann, ben, guest, *_ = people
    workspace = await chat.workspaces.create(name="Team", slug="team", owner=owner, general=random.random() < 0.5)
    for user, role in ((admin, Role.ADMIN), (ann, Role.MEMBER), (ben, Role.MEMBER), (guest, Role.GUEST)):
        await chat.members.add(workspace, user, role=role)
    walk = Walk(chat, random, clock, workspace, people)
    for summary in await chat.channels.list(workspace, actor=owner):
        walk.channels.append(summary.channel.id)
    for name, type_ in (("open", ChannelType.PUBLIC), ("closed", ChannelType.PRIVATE)):
        channel = await chat.channels.create(workspace, name=name, type=type_, actor=owner, members=[ann, guest])
        walk.channels.append(channel.id)
        walk.messages.append(await chat.messages.send(channel, author=owner, content=f"text-{name}"))
        walk.texts[walk.messages[-1].id] = [f"text-{name}"]
    return walk


# --- messages ------------------------------------------------------------------------------------------------------


@step(30)
async def send(walk: Walk) -> None:
    author = walk.person()
    channel_id = walk.visible(author)
    thread = walk.message(channel_id).id if walk.messages and walk.chance(0.35) else None
    again = walk.messages[-1].temp_id if walk.messages and walk.chance(0.2) else None
    temp_id = again or (f"t{walk.count}" if walk.chance(0.5) else None)
    content = walk.words()
    sent = await walk.chat.messages.send(channel_id, author=author, content=content, thread_id=thread, temp_id=temp_id)
    if sent.content == content:
        walk.messages.append(sent)
        walk.texts[sent.id] = [walk.token(content)]


@step(6)
async def edit(walk: Walk) -> None:
    message = walk.message()
    content = message.content if walk.chance(0.1) else walk.words()
    actor = message.user_id if walk.chance(0.9) else walk.person()
    edited = await walk.chat.messages.edit(message, actor=actor, content=content)
    walk.texts.setdefault(message.id, []).append(walk.token(edited.content))


@step(6)
async def delete(walk: Walk) -> None:
    message = walk.message()
    actor = message.user_id if walk.chance(0.6) else walk.person()
    await walk.chat.messages.delete(message, actor=actor)
    for other in walk.messages:
        if message.id in (other.id, other.thread_id):
            walk.deleted += walk.texts.pop(other.id, [])


@step(8)
async def react(walk: Walk) -> None:
    actor = walk.person()
    message = walk.message(walk.visible(actor))
    await walk.chat.reactions.add(message, walk.random.choice(EMOJI), actor=actor)


@step(6)
async def unreact(walk: Walk) -> None:
    message = walk.message()
    shown = await walk.chat.messages.get(message, actor=walk.person())
    choices = [(summary.emoji, user_id) for summary in shown.reactions for user_id in summary.users]
    emoji, actor = walk.random.choice(choices) if choices else (EMOJI[0], walk.person().id)
    await walk.chat.reactions.remove(message, emoji, actor=actor)


@step(9)
async def mark_read(walk: Walk) -> None:
    actor = walk.person()
    channel_id = walk.visible(actor)
    await walk.chat.reads.mark(channel_id, walk.message(channel_id), actor=actor)


# --- channels ------------------------------------------------------------------------------------------------------


@step(2)
async def create_channel(walk: Walk) -> None:
    channel = await walk.chat.channels.create(
        walk.workspace,
        name=walk.random.choice(NAMES) + ("" if walk.chance(0.3) else str(walk.count)),
        type=walk.random.choice((ChannelType.PUBLIC, ChannelType.PRIVATE)),
        actor=walk.person(),
        members=walk.random.sample(walk.people, walk.random.randrange(3)),
    )
    walk.channels.append(channel.id)


@step(2)
async def open_direct(walk: Walk) -> None:
    others = walk.random.sample(walk.people, walk.random.randrange(1, 4))
    channel, created = await walk.chat.channels.direct(walk.workspace, others, actor=walk.person())
    if created:
        walk.channels.append(channel.id)


@step(6)
async def change_channel(walk: Walk) -> None:
    actor = walk.person()
    changes: list[dict[str, Any]] = [
        {"name": f"{walk.random.choice(NAMES)}{walk.count}"},
        {"description": f"About {walk.count}"},
        {"description": None},
        {"type": ChannelType.PRIVATE},
        {"type": ChannelType.PUBLIC},
        {"settings": {"count": walk.count}},
        {"type": ChannelType.PRIVATE, "description": f"Hidden {walk.count}"},
    ]
    await walk.chat.channels.update(walk.visible(actor), actor=actor, **walk.random.choice(changes))


@step(1)
async def archive(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.channels.archive(walk.visible(actor), actor=actor)


@step(3)
async def unarchive(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.channels.update(walk.visible(actor), actor=actor, archived=False)


@step(7)
async def join_channel(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.channels.join(walk.random.choice(walk.channels), actor=actor)


@step(3)
async def leave_channel(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.channels.leave(walk.visible(actor), actor=actor)


@step(7)
async def add_to_channel(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.channels.add_member(walk.visible(actor), walk.person(), actor=actor)


@step(4)
async def remove_from_channel(walk: Walk) -> None:
    actor = walk.people[walk.random.randrange(2)] if walk.chance(0.6) else walk.person()
    channel_id = walk.visible(actor)
    await walk.chat.channels.remove_member(channel_id, walk.inside(channel_id), actor=actor)


# --- people --------------------------------------------------------------------------------------------------------


@step(2)
async def set_role(walk: Walk) -> None:
    role = walk.random.choice(list(Role))
    await walk.chat.members.set_role(walk.workspace, walk.person(), role, actor=walk.person())


@step(2)
async def remove_member(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.members.remove(walk.workspace, actor if walk.chance(0.3) else walk.person(), actor=actor)


@step(7)
async def add_member(walk: Walk) -> None:
    await walk.chat.members.add(
        walk.workspace,
        walk.outsider(),
        role=walk.random.choice(list(Role)),
        actor=walk.person() if walk.chance(0.3) else None,
    )


@step(2)
async def invite(walk: Walk) -> None:
    role = walk.random.choice(list(Role))
    _, token = await walk.chat.invites.create(walk.workspace, actor=walk.person(), role=role)
    await walk.chat.invites.accept(token, actor=walk.outsider())


@step(3)
async def rename(walk: Walk) -> None:
    user = walk.person()
    await walk.chat.users.update(user, actor=user, display_name=f"{user.display_name} {walk.count}")


@step(1)
async def deactivate(walk: Walk) -> None:
    await walk.chat.users.deactivate(walk.person())


@step(3)
async def reactivate(walk: Walk) -> None:
    await walk.chat.users.reactivate(walk.outsider())


@step(1)
async def change_workspace(walk: Walk) -> None:
    await walk.chat.workspaces.update(walk.workspace, actor=walk.person(), name=f"Team {walk.count}")


# --- huddles and what is said and forgotten ------------------------------------------------------------------------


@step(4)
async def start_huddle(walk: Walk) -> None:
    actor = walk.person()
    view = await walk.chat.huddles.start(walk.visible(actor), actor=actor)
    walk.huddles.append(view.huddle.id)


def _huddle(walk: Walk) -> HuddleId:
    return walk.random.choice(walk.huddles[-4:]) if walk.huddles else HuddleId(walk.workspace.id)


@step(5)
async def join_huddle(walk: Walk) -> None:
    await walk.chat.huddles.join(_huddle(walk), actor=walk.person())


@step(4)
async def leave_huddle(walk: Walk) -> None:
    await walk.chat.huddles.leave(_huddle(walk), actor=walk.person())


@step(4)
async def change_in_huddle(walk: Walk) -> None:
    huddle_id, actor = _huddle(walk), walk.person()
    match walk.random.randrange(5):
        case 0:
            change = StateChange(muted=walk.chance(0.5), hand_raised=walk.chance(0.5), speaking=walk.chance(0.5))
            await walk.chat.huddles.set_state(huddle_id, change, actor=actor)
        case 1:
            await walk.chat.huddles.mute(huddle_id, walk.person(), actor=actor)
        case 2:
            await walk.chat.huddles.remove(huddle_id, walk.person(), actor=actor)
        case 3:
            mode = walk.random.choice((HuddleMode.MESH, HuddleMode.AUTO))
            await walk.chat.huddles.update(huddle_id, actor=actor, title=f"Huddle {walk.count}", mode=mode)
        case _:
            await walk.chat.huddles.ring(huddle_id, actor=actor)


@step(3)
async def signal(walk: Walk) -> None:
    huddle_id, actor = _huddle(walk), walk.person()
    view = await walk.chat.huddles.get(huddle_id, actor=actor)
    there = [card.user_id for card in view.participants]
    target = walk.random.choice(there) if there and walk.chance(0.9) else walk.person().id
    sender = walk.random.choice(there) if there and walk.chance(0.9) else actor.id
    offer = Signal(type=SignalType.OFFER, data={"sdp": str(walk.count)}, target_user_id=target)
    await walk.chat.huddles.signal(huddle_id, offer, actor=sender)


@step(3)
async def type_something(walk: Walk) -> None:
    actor = walk.person()
    await walk.chat.typing.set(walk.visible(actor), walk.chance(0.5), actor=actor)


@step(3)
async def be_there(walk: Walk) -> None:
    user = walk.person()
    device = walk.random.choice(("laptop", "phone"))
    match walk.random.randrange(3):
        case 0:
            await walk.chat.presence.connect(user, device)
        case 1:
            await walk.chat.presence.update(user, device, walk.random.choice(list(PresenceStatus)))
        case _:
            await walk.chat.presence.disconnect(user, device)


@step(2)
async def time_passes(walk: Walk) -> None:
    """The wall clock jumps an hour either way; what waits, waits."""
    walk.clock.jump(walk.random.choice((-3600.0, 3600.0)))
    await trio.lowlevel.checkpoint()
