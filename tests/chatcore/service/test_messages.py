"""Messages: sending, changing, reading."""

import pytest
import trio
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import Forbidden, NotFound, ValidationFailed
from chatcore.events import MessageDeleted, MessageReceived, MessageUpdated
from chatcore.ids import AttachmentId, MessageId
from chatcore.model import MAX_CONTENT, Attachment, Message, MessagePage

ABSENT = MessageId("01890a5d-ac96-774b-bcce-b302099a8057")


def contents(page: MessagePage) -> list[str]:
    return [message.content for message in page.messages]


# --- sending -------------------------------------------------------------------------------------------------------


async def test_a_message_is_stored_and_told(team: Team) -> None:
    seq = await team.seq()
    sent = await team.say(team.ann, "Hello, world")
    assert (sent.content, sent.user_id, sent.user.display_name, sent.seq) == (
        "Hello, world",
        team.ann.id,
        "Ann",
        seq + 1,
    )
    assert await team.chat.messages.get(sent, actor=team.guest) == sent
    (event,) = await team.events(seq)
    assert isinstance(event, MessageReceived)
    assert event.message == sent


async def test_a_text_is_kept_as_it_is(team: Team) -> None:
    for text in (
        "  spaces  ",
        "two\nlines\tand a tab",
        "x" * MAX_CONTENT,
        "👩‍👩‍👧" * 500,
        "<b>&amp;</b>",
        "' OR 1=1 --",
    ):
        assert (await team.say(team.ann, text)).content == text


@pytest.mark.parametrize(
    "text",
    ["", " \n\t ", "\u200b", "x" * (MAX_CONTENT + 1), "x" * 10_000_000, "a\x00b", "a\x1b[31m", "\ud800", "a\r\n"],
)
async def test_a_text_that_is_none(team: Team, text: str) -> None:
    sent = await team.say(team.ann)
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed):
        await team.say(team.ann, text)
    with pytest.raises(ValidationFailed):
        await team.chat.messages.edit(sent, actor=team.ann, content=text)
    assert await stored(team.chat) == before


async def test_mentions_name_those_who_are_there(team: Team) -> None:
    sent = await team.say(team.owner, f"<@{team.ann.id}> <@{team.ben.id}> <@{team.ann.id}> and @here")
    assert (sent.mentions, sent.mentions_all) == ((team.ann.id,), True)


async def test_who_cannot_send(team: Team) -> None:
    before = await stored(team.chat)
    for author, where, error in (
        (team.ben, team.room, Forbidden),
        (team.ben, team.vault, NotFound),
        (team.owner, team.direct, NotFound),
        (team.stranger, team.general, NotFound),
    ):
        with pytest.raises(error):
            await team.say(author, where=where)
    assert await stored(team.chat) == before


# --- the same message again ----------------------------------------------------------------------------------------


async def test_a_lost_acknowledgement_costs_nothing(team: Team) -> None:
    """The client does not know whether it was sent, and sends again: one row, one event."""
    sent = await team.say(team.ann, temp_id="c0ffee")
    seq = await team.seq()
    again = await team.say(team.ann, temp_id="c0ffee")
    assert again == sent
    assert await team.seq() == seq
    assert contents(await team.chat.messages.history(team.room, actor=team.ann)) == ["Hello"]


async def test_sent_twice_at_once_it_is_one(team: Team) -> None:
    seq = await team.seq()
    sent: list[Message] = []

    async def send() -> None:
        sent.append(await team.say(team.ann, temp_id="c0ffee"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(send)
    assert len({message.id for message in sent}) == 1
    assert len(await team.events(seq)) == 1


async def test_cancelled_on_the_way_it_is_there_or_not_and_never_twice(team: Team) -> None:
    for deadline in (0, 0.001, 1):
        temp_id = f"t{deadline}"
        with trio.move_on_after(deadline):
            await team.say(team.ann, temp_id, temp_id=temp_id)
        await team.say(team.ann, temp_id, temp_id=temp_id)
    page = await team.chat.messages.history(team.room, actor=team.ann)
    assert contents(page) == ["t1", "t0.001", "t0"]


async def test_a_temp_id_is_ones_own_in_one_channel(team: Team) -> None:
    sent = {
        (await team.say(author, where=where, temp_id="c0ffee")).id
        for author, where in ((team.ann, team.room), (team.owner, team.room), (team.ann, team.vault))
    }
    assert len(sent) == 3


@pytest.mark.parametrize("temp_id", ["", "x" * 65, "a\x00", "a\nb", "\ud800"])
async def test_a_temp_id_has_its_form(team: Team, temp_id: str) -> None:
    with pytest.raises(ValidationFailed) as told:
        await team.say(team.ann, temp_id=temp_id)
    assert list(told.value.details) == ["tempId"]


# --- threads -------------------------------------------------------------------------------------------------------


async def test_replies_are_a_thread(team: Team) -> None:
    root = await team.say(team.ann, "Root")
    replies = [await team.say(team.owner, f"Reply {number}", thread_id=root.id) for number in range(3)]
    assert (await team.chat.messages.get(root, actor=team.ben)).thread_reply_count == 3
    assert (await team.chat.messages.thread(root, actor=team.ben)).messages == tuple(replies)
    assert contents(await team.chat.messages.history(team.room, actor=team.ben)) == ["Root"]


async def test_what_cannot_be_replied_to(team: Team) -> None:
    root = await team.say(team.ann, "Root")
    reply = await team.say(team.ann, "Reply", thread_id=root.id)
    elsewhere = await team.say(team.ann, "Elsewhere", team.vault)
    gone = await team.say(team.ann, "Gone")
    await team.chat.messages.delete(gone, actor=team.ann)
    before = await stored(team.chat)
    answers = set()
    for thread_id in (reply.id, elsewhere.id, gone.id, ABSENT, "", "x", "\ud800"):
        with pytest.raises(NotFound) as told:
            await team.say(team.owner, thread_id=MessageId(thread_id))
        answers.add((told.value.message, str(told.value.details)))
    assert len(answers) == 1
    assert await stored(team.chat) == before


# --- changing ------------------------------------------------------------------------------------------------------


async def test_an_author_changes_their_text(team: Team) -> None:
    sent = await team.say(team.ann, "Helo")
    seq = await team.seq()
    team.clock.jump(60)
    edited = await team.chat.messages.edit(sent, actor=team.ann, content=f"Hello <@{team.owner.id}>")
    assert edited.edited_at is not None
    assert edited.edited_at > sent.created_at
    assert (edited.seq, edited.created_at, edited.mentions) == (sent.seq, sent.created_at, (team.owner.id,))
    (event,) = await team.events(seq)
    assert isinstance(event, MessageUpdated)
    assert (event.message_id, event.content, event.edited_at) == (sent.id, edited.content, edited.edited_at)


async def test_the_same_text_is_no_news(team: Team) -> None:
    sent = await team.say(team.ann)
    before = await stored(team.chat)
    assert await team.chat.messages.edit(sent, actor=team.ann, content=sent.content) == sent
    assert await stored(team.chat) == before


async def test_nobody_puts_words_in_anothers_mouth(team: Team) -> None:
    sent = await team.say(team.ann)
    before = await stored(team.chat)
    for actor, error in (
        (team.owner, Forbidden),
        (team.guest, Forbidden),
        (team.ben, Forbidden),
        (team.stranger, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.messages.edit(sent, actor=actor, content="I owe you")
    assert await stored(team.chat) == before


async def test_who_has_left_changes_nothing_any_more(team: Team) -> None:
    sent = await team.say(team.ann)
    await team.chat.channels.leave(team.room, actor=team.ann)
    with pytest.raises(Forbidden):
        await team.chat.messages.edit(sent, actor=team.ann, content="New")
    with pytest.raises(Forbidden):
        await team.chat.messages.delete(sent, actor=team.ann)


# --- deleting ------------------------------------------------------------------------------------------------------


async def test_its_author_and_staff_delete_it(team: Team) -> None:
    await team.chat.channels.join(team.room, actor=team.admin)
    mine, theirs = await team.say(team.ann, "Mine"), await team.say(team.ann, "Theirs")
    seq = await team.seq()
    await team.chat.messages.delete(mine, actor=team.ann)
    await team.chat.messages.delete(theirs, actor=team.admin)
    assert [type(event) for event in await team.events(seq)] == [MessageDeleted, MessageDeleted]
    entries = await team.chat.audit.list(team.workspace, actor=team.owner)
    assert [(entry.actor_id, entry.target) for entry in entries if entry.action == "message.deleted"] == [
        (team.admin.id, theirs.id)
    ]
    for message in (mine, theirs):
        with pytest.raises(NotFound):
            await team.chat.messages.get(message, actor=team.ann)
        with pytest.raises(NotFound):
            await team.chat.messages.delete(message, actor=team.ann)


async def test_others_do_not(team: Team) -> None:
    sent = await team.say(team.owner)
    before = await stored(team.chat)
    for actor, error in (
        (team.ann, Forbidden),
        (team.guest, Forbidden),
        (team.admin, Forbidden),
        (team.stranger, NotFound),
    ):
        with pytest.raises(error):
            await team.chat.messages.delete(sent, actor=actor)
    assert await stored(team.chat) == before


async def test_a_thread_goes_with_its_root(team: Team) -> None:
    root = await team.say(team.ann, "Root")
    reply = await team.say(team.owner, "Reply", thread_id=root.id)
    await team.chat.messages.delete(root, actor=team.ann)
    with pytest.raises(NotFound):
        await team.chat.messages.get(reply, actor=team.owner)
    assert (await team.chat.search.find(team.workspace, "Reply", actor=team.owner)).messages == ()


async def test_a_deleted_text_is_nowhere(team: Team) -> None:
    sent = await team.say(team.ann, "first draft")
    await team.chat.messages.edit(sent, actor=team.ann, content="second draft")
    await team.say(team.ann, "reply draft", thread_id=sent.id)
    await team.chat.messages.delete(sent, actor=team.ann)
    assert "draft" not in str(await stored(team.chat))
    blank = [event for event in await team.events() if isinstance(event, MessageReceived)]
    assert [(event.message.content, event.message.attachments) for event in blank] == [("", ()), ("", ())]


# --- attachments ---------------------------------------------------------------------------------------------------


async def upload(team: Team, name: str = "a.txt", **fields: object) -> Attachment:
    given = {"workspace": team.workspace, "uploader": team.ann, "mime_type": "text/plain", "size": 1, **fields}
    return await team.chat.attachments.register(filename=name, **given)  # type: ignore[arg-type]


async def test_uploads_hang_on_a_message_in_their_order(team: Team) -> None:
    files = [await upload(team, name) for name in ("b.txt", "a.txt")]
    sent = await team.say(team.ann, attachment_ids=[one.id for one in files])
    assert [one.filename for one in sent.attachments] == ["b.txt", "a.txt"]
    assert all(one.message_id == sent.id for one in sent.attachments)
    assert await team.chat.messages.get(sent, actor=team.guest) == sent
    assert await team.chat.attachments.get(files[0], actor=team.guest) == sent.attachments[0]


async def test_an_upload_hangs_on_one_message_only(team: Team) -> None:
    file = await upload(team)
    await team.say(team.ann, attachment_ids=[file.id])
    foreign = await upload(team, uploader=team.owner)
    other = await team.chat.workspaces.create(name="Other", slug="other", owner=team.ann)
    elsewhere = await upload(team, workspace=other)
    before = await stored(team.chat)
    for attachment_id in (file.id, foreign.id, elsewhere.id, ABSENT, "", "\ud800"):
        with pytest.raises(NotFound, match="upload it again"):
            await team.say(team.ann, attachment_ids=[AttachmentId(attachment_id)])
    fresh = await upload(team)
    with pytest.raises(ValidationFailed, match="at most 10"):
        await team.say(team.ann, attachment_ids=[fresh.id] * 11)
    assert {**await stored(team.chat), "attachments": []} == {**before, "attachments": []}


# --- reading -------------------------------------------------------------------------------------------------------


async def read_on(team: Team, forward: bool, limit: int) -> list[str]:
    """All of the room's messages, page by page."""
    found: list[str] = []
    cursor: MessageId | None = None
    if forward:
        cursor = (await team.chat.messages.history(team.room, actor=team.ann, limit=100)).messages[-1].id
    while True:
        page = await team.chat.messages.history(
            team.room, actor=team.ann, limit=limit, **{"after" if forward else "before": cursor}
        )
        found += contents(page)
        assert len(page.messages) <= limit
        if not page.has_more:
            assert page.next_cursor is None
            return found
        cursor = page.next_cursor


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_history_is_read_page_by_page(team: Team, limit: int) -> None:
    said = [f"Message {number}" for number in range(10)]
    for text in said:
        await team.say(team.ann, text)
    assert await read_on(team, False, limit) == said[::-1]
    assert await read_on(team, True, limit) == said[1:]


async def test_a_clock_that_jumps_changes_no_order(team: Team) -> None:
    """An hour either way: what comes after is what was sent after, in every list and on every page."""
    said = []
    for number, jump in enumerate((0, 3600, -7200, 60, -3600, 0)):
        team.clock.jump(jump)
        said.append((await team.say(team.ann, f"Message {number}")).content)
    root = await team.say(team.owner, "Root")
    for jump in (3600, -7200, 10):
        team.clock.jump(jump)
        await team.say(team.ann, f"Reply {jump}", thread_id=root.id)
    assert await read_on(team, False, 2) == ["Root", *said[::-1]]
    assert await read_on(team, True, 2) == [*said[1:], "Root"]
    thread = await team.chat.messages.thread(root, actor=team.ann)
    assert contents(thread) == ["Reply 3600", "Reply -7200", "Reply 10"]
    found = await team.chat.search.find(team.workspace, "Message", actor=team.ann)
    assert contents(found) == said[::-1]
    seqs = [event.seq for event in await team.events()]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_cursor_outlives_its_message(team: Team) -> None:
    sent = [await team.say(team.ann, f"Message {number}") for number in range(4)]
    await team.chat.messages.delete(sent[2], actor=team.ann)
    page = await team.chat.messages.history(team.room, actor=team.ann, before=sent[2].id)
    assert contents(page) == ["Message 1", "Message 0"]


async def test_a_cursor_of_elsewhere_is_none(team: Team) -> None:
    """Whether it is another channel's, one that may be seen or not, or nobody's: the same answer."""
    root = await team.say(team.owner, "Root")
    reply = await team.say(team.owner, "Reply", thread_id=root.id)
    elsewhere = await team.say(team.ann, where=team.vault)
    answers = set()
    for cursor in (elsewhere.id, ABSENT):
        with pytest.raises(ValidationFailed) as told:
            await team.chat.messages.history(team.room, actor=team.guest, before=cursor)
        answers.add((told.value.message, str(told.value.details)))
    assert len(answers) == 1
    with pytest.raises(ValidationFailed):
        await team.chat.messages.thread(root, actor=team.guest, after=elsewhere.id)
    assert (await team.chat.messages.thread(root, actor=team.guest, after=reply.id)).messages == ()


@pytest.mark.parametrize(
    "page",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": -5},
        {"limit": 10**30},
        {"before": ABSENT, "after": ABSENT},
        {"before": ""},
        {"after": "\ud800"},
        {"before": "x" * 100_000},
    ],
)
async def test_a_page_that_makes_no_sense(team: Team, page: dict[str, object]) -> None:
    root = await team.say(team.ann)
    for call in (
        team.chat.messages.history(team.room, actor=team.ann, **page),  # type: ignore[arg-type]
        team.chat.messages.thread(root, actor=team.ann, **page),  # type: ignore[arg-type]
        team.chat.search.find(team.workspace, "Hello", actor=team.ann, **page),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValidationFailed):
            await call
