"""Full-text search over what one may read."""

import pytest
from tests.chatcore.service.conftest import Team

from chatcore.errors import NotFound, ValidationFailed
from chatcore.model import ChannelType, MessagePage, Role, User


async def find(team: Team, actor: User, text: str = "tea", **narrowed: object) -> list[str]:
    page: MessagePage = await team.chat.search.find(team.workspace, text, actor=actor, **narrowed)  # type: ignore[arg-type]
    return [message.content for message in page.messages]


async def test_it_finds_words_and_phrases_newest_first(team: Team) -> None:
    root = await team.say(team.ann, "Green tea, please")
    await team.say(team.owner, "Tea with green leaves", thread_id=root.id)
    await team.say(team.ann, "Coffee")
    assert await find(team, team.ann) == ["Tea with green leaves", "Green tea, please"]
    assert await find(team, team.ann, "GREEN tea") == ["Tea with green leaves", "Green tea, please"]
    assert await find(team, team.ann, '"green tea"') == ["Green tea, please"]
    assert await find(team, team.ann, "tea coffee") == []


async def test_everybody_finds_what_they_may_read(team: Team) -> None:
    for where in (team.general, team.room, team.vault, team.direct):
        await team.say(team.ann, f"tea in {where.name[:7]}", where)
    in_dm = f"tea in {team.direct.name[:7]}"
    assert await find(team, team.ann) == [in_dm, "tea in vault", "tea in room", "tea in general"]
    assert await find(team, team.ben) == [in_dm, "tea in room", "tea in general"]
    assert await find(team, team.guest) == ["tea in room", "tea in general"]
    with pytest.raises(NotFound):
        await find(team, team.stranger)


async def test_it_is_narrowed(team: Team) -> None:
    await team.say(team.ann, "tea here")
    there = await team.say(team.ann, "tea there", team.vault)
    await team.say(team.owner, "tea of the owner")
    assert await find(team, team.ann, channel=team.vault) == ["tea there"]
    assert await find(team, team.ann, author=team.owner) == ["tea of the owner"]
    assert await find(team, team.ann, before=there.id) == ["tea here"]
    assert await find(team, team.ann, after=there.id) == ["tea of the owner"]
    assert await find(team, team.ann, author=team.stranger) == []
    with pytest.raises(NotFound) as told:
        await find(team, team.ben, channel=team.vault)
    with pytest.raises(NotFound) as same:
        await find(team, team.ben, channel=team.workspace.id)
    assert told.value.message == same.value.message


async def test_a_channel_of_another_workspace_holds_nothing(team: Team) -> None:
    other = await team.chat.workspaces.create(name="Other", slug="other", owner=team.ann)
    channel = await team.chat.channels.create(other, name="tea", actor=team.ann)
    await team.say(team.ann, "tea elsewhere", channel)
    assert await find(team, team.ann, channel=channel) == []
    assert await find(team, team.ann) == []


async def test_it_is_read_page_by_page(team: Team) -> None:
    for number in range(5):
        await team.say(team.ann, f"tea {number}")
    first = await team.chat.search.find(team.workspace, "tea", actor=team.ann, limit=3)
    assert first.has_more
    rest = await team.chat.search.find(team.workspace, "tea", actor=team.ann, limit=3, before=first.next_cursor)
    found = [message.content for message in (*first.messages, *rest.messages)]
    assert found == ["tea 4", "tea 3", "tea 2", "tea 1", "tea 0"]
    assert not rest.has_more


async def test_an_edit_is_found_by_what_it_says_now(team: Team) -> None:
    sent = await team.say(team.ann, "tea")
    await team.chat.messages.edit(sent, actor=team.ann, content="coffee")
    assert await find(team, team.ann) == []
    assert await find(team, team.ann, "coffee") == ["coffee"]


async def test_nothing_is_found_of_what_one_lost(team: Team) -> None:
    await team.say(team.owner, "tea for all")
    await team.chat.channels.update(team.room, actor=team.owner, type=ChannelType.PRIVATE)
    assert await find(team, team.ben) == []
    await team.chat.channels.remove_member(team.room, team.ann, actor=team.owner)
    assert await find(team, team.ann) == []
    await team.chat.members.set_role(team.workspace, team.ann, Role.GUEST, actor=team.owner)
    assert await find(team, team.ann) == []


@pytest.mark.parametrize("text", ["", "   ", "x" * 201, "tea \ud800"])
async def test_a_query_that_is_none(team: Team, text: str) -> None:
    with pytest.raises(ValidationFailed) as told:
        await find(team, team.ann, text)
    assert list(told.value.details) == ["q"]


@pytest.mark.parametrize(
    "text",
    ['"', '"tea', "tea*", "tea AND", "NOT tea", "(tea", "tea:x", "'; DROP TABLE", "^tea", "\x00tea", "*", "{tea}"],
)
async def test_no_query_is_a_syntax_error(team: Team, text: str) -> None:
    await team.say(team.ann, "tea")
    assert set(await find(team, team.ann, text)) <= {"tea"}
