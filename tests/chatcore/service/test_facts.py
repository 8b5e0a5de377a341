"""Observers are told what transactions did, consequences included, once they are durable."""

import pytest
import trio

from chatcore import Chat, open_chat
from chatcore.errors import Duplicate, Rejected
from chatcore.hooks import Reject, hookimpl
from chatcore.model import AuditEntry, Channel, Huddle, Member, Role


class Watcher:
    """Writes down what it is told; turns guests away."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl(guard=True)
    async def member_will_join(self, member: Member) -> None:
        if member.role is Role.GUEST:
            raise Reject("no_guests", "No guests here.")

    @hookimpl
    async def member_joined(self, channel: Channel | None) -> None:
        self.seen.append(f"joined {'the workspace' if channel is None else channel.name}")

    @hookimpl
    async def huddle_ended(self, huddle: Huddle) -> None:
        self.seen.append(f"huddle {huddle.status}")

    @hookimpl
    async def audit(self, entry: AuditEntry) -> None:
        self.seen.append(entry.action)

    async def told(self, count: int) -> list[str]:
        """What it was told since it was asked last."""
        with trio.fail_after(5):
            while len(self.seen) < count:  # noqa: ASYNC110 - the observer knows nothing of who waits for it
                await trio.sleep(0.001)
        seen, self.seen = self.seen, []
        return seen


async def prepared(chat: Chat, watcher: Watcher) -> tuple[str, Channel]:
    """A workspace of Ada's with the channel `general`; what was told of it is forgotten."""
    ada = await chat.users.create(email="ada@example.org", display_name="Ada")
    team = await chat.workspaces.create(name="Team", slug="team", owner=ada, general=True)
    general = (await chat.channels.list(team, actor=ada))[0].channel
    assert await watcher.told(2) == ["joined the workspace", "workspace.created"]
    return ada.id, general


async def test_consequences_are_told() -> None:
    watcher = Watcher()
    async with open_chat("memory:", plugins=[watcher]) as chat:
        ada, general = await prepared(chat, watcher)
        ben = await chat.users.create(email="ben@example.org", display_name="Ben")
        await chat.members.add(general.workspace_id, ben, actor=ada)
        assert await watcher.told(2) == ["joined the workspace", "joined general"]
        room = await chat.channels.create(general.workspace_id, name="room", actor=ada)
        await chat.huddles.start(room, actor=ada)
        await chat.channels.archive(room, actor=ada)
        assert await watcher.told(2) == ["huddle ended", "channel.archived"]
        await chat.members.remove(general.workspace_id, ben, actor=ada)
        assert await watcher.told(1) == ["member.removed"]


async def test_who_registers_with_an_invite_is_asked_about_like_anybody() -> None:
    watcher = Watcher()
    async with open_chat("memory:", plugins=[watcher]) as chat:
        ada, general = await prepared(chat, watcher)
        _, token = await chat.invites.create(general.workspace_id, actor=ada, role=Role.GUEST)
        person = {"email": "eve@example.org", "password": "correct horse", "first_name": "Eve", "last_name": "E"}
        with pytest.raises(Rejected):
            await chat.users.register(**person, invite_token=token)
        assert [user.id for user in await chat.users.list()] == [ada]


async def test_a_change_that_fails_is_not_told() -> None:
    watcher = Watcher()
    async with open_chat("memory:", plugins=[watcher]) as chat:
        ada, _ = await prepared(chat, watcher)
        with pytest.raises(Duplicate):
            await chat.workspaces.create(name="Team", slug="team", owner=ada)
        await chat.workspaces.create(name="Other", slug="other", owner=ada)
        assert await watcher.told(2) == ["joined the workspace", "workspace.created"]
