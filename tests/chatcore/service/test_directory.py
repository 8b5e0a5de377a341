"""The permission memory. That it follows every event rightly is shown by the oracle; here, what it answers."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.chatcore.test_state import SAMPLES

from chatcore import events
from chatcore.events import Audience, Event, Scope
from chatcore.ids import ChannelId, UserId, WorkspaceId, uuid7
from chatcore.model import Channel, ChannelType, MemberCard, Position, Role
from chatcore.ports import ChannelAccess, WorkspaceAccess
from chatcore.service.directory import ACCESS_EVENTS, WorkspaceDirectory

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TEAM = WorkspaceId(uuid7(1))
OWNER, ANN, GUEST, CLOSED, STRANGER = (UserId(uuid7(ms)) for ms in range(10, 15))
OPEN, SHUT, NEW = (ChannelId(uuid7(ms)) for ms in (20, 21, 22))


@pytest.fixture
def team() -> WorkspaceDirectory:
    """An owner, a member, a guest; a member whose account is closed keeps their place in the channels."""
    return WorkspaceDirectory(
        WorkspaceAccess(
            workspace_id=TEAM,
            position=Position(epoch="e", seq=5),
            roles=((OWNER, Role.OWNER), (ANN, Role.MEMBER), (GUEST, Role.GUEST)),
            channels=(
                ChannelAccess(
                    id=OPEN, type=ChannelType.PUBLIC, archived=False, is_general=False, members=(OWNER, CLOSED)
                ),
                ChannelAccess(
                    id=SHUT, type=ChannelType.PRIVATE, archived=False, is_general=False, members=(ANN, GUEST, CLOSED)
                ),
            ),
        )
    )


def card(user_id: UserId, role: Role = Role.MEMBER, **fields: Any) -> MemberCard:
    return MemberCard(user_id=user_id, display_name="x", role=role, **fields)


def channel(channel_id: ChannelId, type_: ChannelType = ChannelType.PUBLIC, **fields: Any) -> Channel:
    given: dict[str, Any] = {"name": "room", **fields}
    return Channel(
        id=channel_id, workspace_id=TEAM, type=type_, created_by=OWNER, created_at=NOW, updated_at=NOW, **given
    )


#                          owner  ann    guest  closed stranger
READS = {OPEN: (True, True, False, False, False), SHUT: (False, True, True, False, False)}


@pytest.mark.parametrize("channel_id", READS, ids=["open", "shut"])
def test_who_reads_what(team: WorkspaceDirectory, channel_id: ChannelId) -> None:
    people = (OWNER, ANN, GUEST, CLOSED, STRANGER)
    assert tuple(team.may_read(user_id, channel_id) for user_id in people) == READS[channel_id]
    assert not any(team.may_read(user_id, NEW) for user_id in people)


def test_the_channels_that_exist_for_somebody(team: WorkspaceDirectory) -> None:
    assert [set(team.readable(user_id)) for user_id in (OWNER, ANN, GUEST, CLOSED)] == [
        {OPEN},
        {OPEN, SHUT},
        {SHUT},
        set(),
    ]


RECEIVERS = [
    (Audience(Scope.WORKSPACE), {OWNER, ANN, GUEST}),
    (Audience(Scope.WORKSPACE, None, CLOSED), {OWNER, ANN, GUEST, CLOSED}),
    (Audience(Scope.CHANNEL, OPEN), {OWNER, ANN}),
    (Audience(Scope.CHANNEL, SHUT), {ANN, GUEST}),
    (Audience(Scope.CHANNEL, SHUT, OWNER), {ANN, GUEST, OWNER}),
    (Audience(Scope.CHANNEL, NEW), set()),
    (Audience(Scope.OUTSIDE, SHUT), {OWNER}),
    (Audience(Scope.OUTSIDE, OPEN), set()),
    (Audience(Scope.USER, SHUT, ANN), {ANN}),
    (Audience(Scope.USER, SHUT, OWNER), set()),
    (Audience(Scope.USER, None, GUEST), {GUEST}),
]


@pytest.mark.parametrize(("audience", "receivers"), RECEIVERS, ids=lambda value: getattr(value, "scope", ""))
def test_who_receives_what(team: WorkspaceDirectory, audience: Audience, receivers: set[UserId]) -> None:
    people = {OWNER, ANN, GUEST, CLOSED, STRANGER}
    assert {user_id for user_id in people if team.may_receive(user_id, audience)} == receivers


def test_who_meets_whom(team: WorkspaceDirectory) -> None:
    assert team.share_channel(ANN, GUEST)
    assert not team.share_channel(OWNER, GUEST)


def facts(team: WorkspaceDirectory) -> Any:
    return team.members.copy(), {id_: (it.type, it.archived, set(it.members)) for id_, it in team.channels.items()}


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_what_changes_nothing_raises_no_version(team: WorkspaceDirectory, event: Event) -> None:
    """And whatever raises it is among the events before which a batch is cut."""
    if event.type in ACCESS_EVENTS:
        return
    before = facts(team)
    team.apply(event)
    assert team.version == 0
    assert facts(team) == before


def test_members_come_and_go(team: WorkspaceDirectory) -> None:
    team.apply(events.MemberJoined(workspace_id=TEAM, member=card(STRANGER)))
    assert team.may_read(STRANGER, OPEN)
    team.apply(
        events.MemberJoined(workspace_id=TEAM, member=card(STRANGER), channel=channel(SHUT, ChannelType.PRIVATE))
    )
    assert team.may_read(STRANGER, SHUT)
    team.apply(events.MemberLeft(workspace_id=TEAM, user_id=STRANGER, channel_id=SHUT))
    assert not team.may_read(STRANGER, SHUT)
    team.apply(events.MemberLeft(workspace_id=TEAM, user_id=ANN))
    assert team.role(ANN) is None
    assert ANN not in team.channels[SHUT].members
    assert team.version == 4


def test_roles_change_and_accounts_close_and_open(team: WorkspaceDirectory) -> None:
    team.apply(events.MemberUpdated(workspace_id=TEAM, member=card(OWNER, Role.GUEST)))
    assert team.may_read(OWNER, OPEN)
    team.apply(events.MemberUpdated(workspace_id=TEAM, member=card(ANN, Role.GUEST)))
    assert not team.may_read(ANN, OPEN)
    team.apply(events.MemberUpdated(workspace_id=TEAM, member=card(ANN, deactivated=True)))
    assert team.role(ANN) is None
    assert not team.may_read(ANN, SHUT)
    team.apply(events.MemberUpdated(workspace_id=TEAM, member=card(ANN)))
    assert team.may_read(ANN, SHUT)
    team.apply(events.MemberUpdated(workspace_id=TEAM, member=card(CLOSED)))
    assert team.may_read(CLOSED, SHUT)
    assert team.version == 5


def test_channels_change(team: WorkspaceDirectory) -> None:
    team.apply(events.ChannelCreated(workspace_id=TEAM, channel=channel(NEW, name="general"), member_ids=(GUEST,)))
    assert team.channels[NEW].is_general
    assert team.may_read(GUEST, NEW)
    team.apply(events.ChannelUpdated(workspace_id=TEAM, channel=channel(OPEN, ChannelType.PRIVATE)))
    assert not team.may_read(ANN, OPEN)
    assert team.may_read(OWNER, OPEN)
    team.apply(events.ChannelArchived(workspace_id=TEAM, channel_id=SHUT, archived_at=NOW))
    assert team.channels[SHUT].archived
    team.apply(events.ChannelUpdated(workspace_id=TEAM, channel=channel(SHUT, ChannelType.PRIVATE)))
    assert not team.channels[SHUT].archived
    assert team.version == 4
