"""What one may not see is not there: the same class, message and details as for what does not exist."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import ChatError, NotFound
from chatcore.ids import ChannelId, HuddleId, InviteId, MessageId, UserId, WorkspaceId, uuid7
from chatcore.model import Role, Signal, SignalType, User
from chatcore.service.huddle_people import StateChange


@attrs.frozen(kw_only=True)
class Things:
    """What a call is about: real ones, or ids that name nothing."""

    workspace: WorkspaceId
    channel: ChannelId
    message: MessageId
    reply: MessageId
    huddle: HuddleId
    attachment: Any
    invite: InviteId


def nothing() -> Things:
    ids: dict[str, Any] = {name: uuid7(number) for number, name in enumerate(Things.__annotations__)}
    return Things(**ids)


async def hidden(team: Team) -> Things:
    """In the vault, in which only owner and ann are."""
    upload = await team.chat.attachments.register(
        team.workspace, uploader=team.ann, filename="a", mime_type="a/b", size=1
    )
    message = await team.say(team.ann, "tea", team.vault, attachment_ids=[upload.id])
    reply = await team.say(team.owner, "tea", team.vault, thread_id=message.id)
    view = await team.chat.huddles.start(team.vault, actor=team.ann)
    invite, _ = await team.chat.invites.create(team.workspace, actor=team.owner)
    return Things(
        workspace=team.workspace.id,
        channel=team.vault.id,
        message=message.id,
        reply=reply.id,
        huddle=view.huddle.id,
        attachment=upload.id,
        invite=invite.id,
    )


Call = Callable[[Team, User, Things], Awaitable[Any]]
OFFER = Signal(type=SignalType.OFFER, data="v=0", target_user_id=UserId(uuid7(99)))

IN_A_CHANNEL: dict[str, Call] = {
    "channels.get": lambda team, who, it: team.chat.channels.get(it.channel, actor=who),
    "channels.update": lambda team, who, it: team.chat.channels.update(it.channel, actor=who, name="x"),
    "channels.archive": lambda team, who, it: team.chat.channels.archive(it.channel, actor=who),
    "channels.unarchive": lambda team, who, it: team.chat.channels.update(it.channel, actor=who, archived=False),
    "channels.join": lambda team, who, it: team.chat.channels.join(it.channel, actor=who),
    "channels.leave": lambda team, who, it: team.chat.channels.leave(it.channel, actor=who),
    "channels.add_member": lambda team, who, it: team.chat.channels.add_member(it.channel, team.guest, actor=who),
    "channels.remove_member": lambda team, who, it: team.chat.channels.remove_member(it.channel, team.ann, actor=who),
    "messages.send": lambda team, who, it: team.chat.messages.send(it.channel, author=who, content="x"),
    "messages.history": lambda team, who, it: team.chat.messages.history(it.channel, actor=who),
    "messages.get": lambda team, who, it: team.chat.messages.get(it.message, actor=who),
    "messages.get reply": lambda team, who, it: team.chat.messages.get(it.reply, actor=who),
    "messages.thread": lambda team, who, it: team.chat.messages.thread(it.message, actor=who),
    "messages.edit": lambda team, who, it: team.chat.messages.edit(it.message, actor=who, content="x"),
    "messages.delete": lambda team, who, it: team.chat.messages.delete(it.message, actor=who),
    "reactions.add": lambda team, who, it: team.chat.reactions.add(it.message, "👍", actor=who),
    "reactions.remove": lambda team, who, it: team.chat.reactions.remove(it.message, "👍", actor=who),
    "reads.mark": lambda team, who, it: team.chat.reads.mark(it.channel, it.message, actor=who),
    "typing.set": lambda team, who, it: team.chat.typing.set(it.channel, True, actor=who),
    "huddles.start": lambda team, who, it: team.chat.huddles.start(it.channel, actor=who),
    "huddles.active": lambda team, who, it: team.chat.huddles.active(it.channel, actor=who),
    "huddles.get": lambda team, who, it: team.chat.huddles.get(it.huddle, actor=who),
    "huddles.join": lambda team, who, it: team.chat.huddles.join(it.huddle, actor=who),
    "huddles.leave": lambda team, who, it: team.chat.huddles.leave(it.huddle, actor=who),
    "huddles.signal": lambda team, who, it: team.chat.huddles.signal(it.huddle, OFFER, actor=who),
    "huddles.update": lambda team, who, it: team.chat.huddles.update(it.huddle, actor=who, title="x"),
    "huddles.set_state": lambda team, who, it: team.chat.huddles.set_state(it.huddle, StateChange(), actor=who),
    "huddles.mute": lambda team, who, it: team.chat.huddles.mute(it.huddle, team.ann, actor=who),
    "huddles.remove": lambda team, who, it: team.chat.huddles.remove(it.huddle, team.ann, actor=who),
    "huddles.ring": lambda team, who, it: team.chat.huddles.ring(it.huddle, actor=who),
    "huddles.decline": lambda team, who, it: team.chat.huddles.decline(it.huddle, actor=who),
    "huddles.wants": lambda team, who, it: team.chat.huddles.wants(it.huddle, (), actor=who),
    "huddles.stats": lambda team, who, it: team.chat.huddles.stats(it.huddle, actor=who),
    "attachments.get": lambda team, who, it: team.chat.attachments.get(it.attachment, actor=who),
}
IN_A_WORKSPACE: dict[str, Call] = {
    "workspaces.get": lambda team, who, it: team.chat.workspaces.get(it.workspace, actor=who),
    "workspaces.update": lambda team, who, it: team.chat.workspaces.update(it.workspace, actor=who, name="x"),
    "members.list": lambda team, who, it: team.chat.members.list(it.workspace, actor=who),
    "members.add": lambda team, who, it: team.chat.members.add(it.workspace, who, actor=who),
    "members.set_role": lambda team, who, it: team.chat.members.set_role(it.workspace, who, Role.OWNER, actor=who),
    "members.remove": lambda team, who, it: team.chat.members.remove(it.workspace, team.ann, actor=who),
    "members.leave": lambda team, who, it: team.chat.members.remove(it.workspace, who, actor=who),
    "invites.create": lambda team, who, it: team.chat.invites.create(it.workspace, actor=who),
    "invites.list": lambda team, who, it: team.chat.invites.list(it.workspace, actor=who),
    "invites.revoke": lambda team, who, it: team.chat.invites.revoke(it.invite, actor=who),
    "channels.create": lambda team, who, it: team.chat.channels.create(it.workspace, name="x", actor=who),
    "channels.direct": lambda team, who, it: team.chat.channels.direct(it.workspace, [team.ann], actor=who),
    "channels.list": lambda team, who, it: team.chat.channels.list(it.workspace, actor=who),
    "presence.list": lambda team, who, it: team.chat.presence.list(it.workspace, actor=who),
    "search.find": lambda team, who, it: team.chat.search.find(it.workspace, "tea", actor=who),
    "audit.list": lambda team, who, it: team.chat.audit.list(it.workspace, actor=who),
    "attachments.register": lambda team, who, it: team.chat.attachments.register(
        it.workspace, uploader=who, filename="a", mime_type="a/b", size=1
    ),
    "subscribe": lambda team, who, it: team.chat.subscribe(who, it.workspace).__aenter__(),
}


async def answer(call: Awaitable[Any]) -> tuple[type, str, dict[str, Any]]:
    with pytest.raises(ChatError) as told:
        await call
    return type(told.value), told.value.message, told.value.details


async def outsiders(team: Team) -> list[User]:
    """No member, a former one, and one whose account is closed; all of them once sat in the vault but the first."""
    former, closed = [await team.user(name) for name in ("former", "closed")]
    for user in (former, closed):
        await team.chat.channels.add_member(team.vault, user, actor=team.ann)
    await team.chat.members.remove(team.workspace, former, actor=team.owner)
    await team.chat.users.deactivate(closed)
    return [team.stranger, former, closed]


@pytest.mark.parametrize("name", IN_A_CHANNEL)
async def test_a_channel_that_one_does_not_see_is_none(team: Team, name: str) -> None:
    call = IN_A_CHANNEL[name]
    there = await hidden(team)
    people = [team.admin, team.ben, team.guest, *await outsiders(team)]
    before = await stored(team.chat)
    for who in people:
        told = await answer(call(team, who, there))
        assert told[0] is NotFound
        assert told == await answer(call(team, who, nothing()))
    assert await stored(team.chat) == before


@pytest.mark.parametrize("name", IN_A_WORKSPACE)
async def test_a_workspace_that_one_is_no_member_of_is_none(team: Team, name: str) -> None:
    call = IN_A_WORKSPACE[name]
    there = await hidden(team)
    people = await outsiders(team)
    before = await stored(team.chat)
    for who in people:
        told = await answer(call(team, who, there))
        assert told[0] is NotFound
        assert told == await answer(call(team, who, nothing()))
    assert await stored(team.chat) == before


async def test_a_message_that_was_deleted_is_none(team: Team) -> None:
    sent = await team.say(team.ann)
    await team.chat.messages.delete(sent, actor=team.ann)
    gone = attrs.evolve(nothing(), message=sent.id, channel=team.room.id)
    none = attrs.evolve(nothing(), channel=team.room.id)
    for name, call in IN_A_CHANNEL.items():
        if name.startswith(("messages.get", "messages.thread", "messages.edit", "messages.delete", "rea")):
            assert await answer(call(team, team.ann, gone)) == await answer(call(team, team.ann, none)), name
