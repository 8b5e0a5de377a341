"""Workspaces, members and channels: lists, and what permissions depend on."""

import attrs

from chatcore.ids import HuddleId
from chatcore.model import (
    ChannelMember,
    ChannelSummary,
    ChannelType,
    Huddle,
    LastMessage,
    Member,
    MemberCard,
    ReadState,
    Role,
    card_of,
)
from chatcore.ports import Tx, WorkspaceSummary
from chatcore.testing.clock import START
from chatcore.testing.storage.base import StorageTests
from chatcore.testing.storage.town import Town
from chatcore.testing.values import make_user, make_workspace, new_id


class PlaceTests(StorageTests):
    async def test_workspaces_by_slug(self) -> None:
        async with self.town() as town:
            found = await town.storage.read(lambda tx: tx.workspaces.by_slug(town.workspace.slug))
            assert found == town.workspace
            assert await town.storage.read(lambda tx: tx.workspaces.by_slug("nowhere")) is None

    async def test_somebody_s_workspaces(self) -> None:
        async with self.town() as town:
            other = make_workspace(town.ann.id, name="Aardvarks")

            async def work(tx: Tx) -> None:
                await tx.workspaces.insert(other)
                await tx.members.insert(
                    Member(workspace_id=other.id, user_id=town.ben.id, role=Role.GUEST, joined_at=START)
                )

            await town.storage.write(work)
            await town.say(town.ann)
            assert await town.storage.read(lambda tx: tx.workspaces.of_user(town.ben.id)) == [
                WorkspaceSummary(workspace=other, role=Role.GUEST, unread_count=0),
                WorkspaceSummary(workspace=town.workspace, role=Role.MEMBER, unread_count=1),
            ]

    async def test_access_is_all_that_permissions_depend_on(self) -> None:
        async with self.town() as town:
            secret = await town.open_channel("secret", town.ann, town.ben, type=ChannelType.PRIVATE, archived_at=START)
            gone = attrs.evolve(town.cleo, deactivated_at=START)
            await town.storage.write(lambda tx: tx.users.update(gone))
            access = await town.storage.read(lambda tx: tx.workspaces.access(town.workspace.id))
            position = await town.storage.read(lambda tx: tx.events.position(town.workspace.id))
            assert access is not None
            assert (access.workspace_id, access.position) == (town.workspace.id, position)
            assert dict(access.roles) == {town.ann.id: Role.OWNER, town.ben.id: Role.MEMBER}
            facts = {channel.id: channel for channel in access.channels}
            general, private = facts.pop(town.channel.id), facts.pop(secret.id)
            assert facts == {}
            assert (general.type, general.archived, general.is_general) == (ChannelType.PUBLIC, False, True)
            assert (private.type, private.archived, private.is_general) == (ChannelType.PRIVATE, True, False)
            assert set(general.members) == {person.id for person in town.people}
            assert set(private.members) == {town.ann.id, town.ben.id}

    async def test_access_to_nothing(self) -> None:
        async with self.town() as town:
            assert await town.storage.read(lambda tx: tx.workspaces.access(new_id())) is None

    async def test_member_cards_page_by_user(self) -> None:
        async with self.town(people=5) as town:
            changed = attrs.evolve(town.people[1], avatar_url="/b.png", is_bot=True, deactivated_at=START)
            await town.storage.write(lambda tx: tx.users.update(changed))
            cards = await town.storage.read(lambda tx: tx.members.cards(town.workspace.id))
            assert [card.user_id for card in cards] == sorted(person.id for person in town.people)
            assert next(card for card in cards if card.user_id == changed.id) == MemberCard(
                user_id=changed.id,
                display_name=changed.display_name,
                avatar_url="/b.png",
                role=Role.MEMBER,
                is_bot=True,
                deactivated=True,
            )
            after = cards[1].user_id
            page = await town.storage.read(lambda tx: tx.members.cards(town.workspace.id, after=after, limit=2))
            assert page == cards[2:4]
            assert await town.storage.read(lambda tx: tx.members.count(town.workspace.id)) == 4

    async def test_members_by_their_pair(self) -> None:
        async with self.town() as town:
            member = await town.storage.read(lambda tx: tx.members.get(town.workspace.id, town.ben.id))
            assert member == Member(
                workspace_id=town.workspace.id, user_id=town.ben.id, role=Role.MEMBER, joined_at=START
            )
            promoted = attrs.evolve(member, role=Role.ADMIN, invited_by=town.ann.id)
            await town.storage.write(lambda tx: tx.members.update(promoted))
            found = await town.storage.read(lambda tx: tx.members.find(workspace_id=town.workspace.id, role=Role.ADMIN))
            assert found == [promoted]

    async def test_who_leaves_a_workspace_leaves_its_channels(self) -> None:
        async with self.town() as town:
            await town.open_channel("other", town.ben)
            elsewhere = await self._elsewhere(town)
            assert await town.storage.write(lambda tx: tx.members.delete(town.workspace.id, town.ben.id))
            left = await town.storage.read(lambda tx: tx.channel_members.find(user_id=town.ben.id))
            assert left == [elsewhere]
            assert await town.storage.read(lambda tx: tx.members.get(town.workspace.id, town.ben.id)) is None

    async def _elsewhere(self, town: Town) -> ChannelMember:
        """Ben's membership in a channel of another workspace."""
        workspace = make_workspace(town.ann.id)
        other = Town(town.storage, workspace, town.people, town.channel)
        await town.storage.write(lambda tx: tx.workspaces.insert(workspace))
        channel = await other.open_channel("elsewhere", town.ben)
        return ChannelMember(channel_id=channel.id, user_id=town.ben.id, joined_at=START)

    async def test_channel_cards(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("pair", town.ann, town.ben)
            cards = await town.storage.read(lambda tx: tx.channel_members.cards(channel.id))
            assert [(card.user_id, card.role) for card in cards] == sorted(
                [(town.ann.id, Role.OWNER), (town.ben.id, Role.MEMBER)]
            )

    async def test_a_list_shows_one_s_own_channels_and_the_public_ones(self) -> None:
        async with self.town() as town:
            await town.open_channel("b-secret", town.ann, type=ChannelType.PRIVATE)
            await town.open_channel("a-mine", town.ben, type=ChannelType.PRIVATE)
            await town.open_channel("c-open", town.ann)
            await town.open_channel("d-old", town.ben, archived_at=START)
            assert await self._names(town, public=False) == ["a-mine", "d-old", "general"]
            assert await self._names(town, public=True) == ["a-mine", "c-open", "d-old", "general"]

    async def test_a_channel_one_is_not_in_has_nothing_unread(self) -> None:
        async with self.town() as town:
            channel = await town.open_channel("c-open", town.ann)
            await town.say(town.ann, channel=channel)
            lines = await self._lines(town, public=True)
            line = next(line for line in lines if line.channel.id == channel.id)
            assert not line.joined
            assert line.read == ReadState(channel_id=channel.id, user_id=town.ben.id)

    async def test_a_line_of_the_list(self) -> None:
        async with self.town() as town:
            direct = await town.open_channel("dm-1", town.ann, town.ben, type=ChannelType.DIRECT)
            root = await town.say(town.ann, "first", channel=direct)
            last = await town.say(town.ann, "last", channel=direct)
            await town.say(town.ann, "a reply", channel=direct, thread_id=root.id)
            huddle = Huddle(
                id=new_id(HuddleId),
                workspace_id=town.workspace.id,
                channel_id=direct.id,
                created_by=town.ann.id,
                started_at=START,
            )
            await town.storage.write(lambda tx: tx.huddles.insert(huddle))
            line = (await self._lines(town, public=False))[0]
            assert line == ChannelSummary(
                channel=direct,
                joined=True,
                read=line.read,
                last_message=LastMessage(content="last", timestamp=last.created_at, user=card_of(town.ann)),
                is_huddle_active=True,
                members=line.members,
            )
            assert set(line.members) == {town.ann.id, town.ben.id}
            assert (line.read.unread_count, line.read.channel_id) == (2, direct.id)

    async def test_the_last_message_is_one_that_is_there(self) -> None:
        async with self.town() as town:
            await town.say(town.ann, "kept")
            for _ in range(3):
                sent = await town.say(town.ann, "gone")
                await town.delete(sent.id)
            (line,) = await self._lines(town, public=False)
            assert line.last_message is not None
            assert line.last_message.content == "kept"

    async def test_a_stranger_sees_nothing_of_their_own(self) -> None:
        async with self.town() as town:
            stranger = make_user()
            await town.storage.write(lambda tx: tx.users.insert(stranger))
            assert await town.storage.read(lambda tx: tx.workspaces.of_user(stranger.id)) == []
            lines = await town.storage.read(
                lambda tx: tx.channels.summaries(town.workspace.id, stranger.id, public=False)
            )
            assert lines == []

    async def _lines(self, town: Town, *, public: bool) -> list[ChannelSummary]:
        return await town.storage.read(lambda tx: tx.channels.summaries(town.workspace.id, town.ben.id, public=public))

    async def _names(self, town: Town, *, public: bool) -> list[str]:
        return [line.channel.name for line in await self._lines(town, public=public)]
