"""What is known of uploads, and to whom."""

import pytest
from tests.chatcore.service.conftest import Team, stored

from chatcore.errors import NotFound, PayloadTooLarge, ValidationFailed
from chatcore.ids import AttachmentId
from chatcore.model import Attachment, User


async def upload(team: Team, uploader: User, name: str = "tea.png", size: int = 5) -> Attachment:
    return await team.chat.attachments.register(
        team.workspace, uploader=uploader, filename=name, mime_type="image/png", size=size
    )


async def test_an_upload_is_its_uploaders_until_it_is_posted(team: Team) -> None:
    file = await upload(team, team.ann)
    assert await team.chat.attachments.get(file, actor=team.ann) == file
    for actor in (team.owner, team.stranger):
        with pytest.raises(NotFound):
            await team.chat.attachments.get(file, actor=actor)


async def test_then_it_is_seen_by_who_reads_its_message(team: Team) -> None:
    file = await upload(team, team.ann)
    sent = await team.say(team.ann, where=team.vault, attachment_ids=[file.id])
    assert (await team.chat.attachments.get(file, actor=team.owner)).message_id == sent.id
    answers = set()
    for attachment_id, actor in (
        (file.id, team.ben),
        (file.id, team.stranger),
        (AttachmentId(team.room.id), team.ann),
    ):
        with pytest.raises(NotFound) as told:
            await team.chat.attachments.get(attachment_id, actor=actor)
        answers.add((told.value.message, str(told.value.details)))
    assert len(answers) == 1


async def test_it_goes_with_its_message_and_with_ones_place(team: Team) -> None:
    file = await upload(team, team.ann)
    sent = await team.say(team.ann, attachment_ids=[file.id])
    await team.chat.members.remove(team.workspace, team.guest, actor=team.owner)
    with pytest.raises(NotFound):
        await team.chat.attachments.get(file, actor=team.guest)
    await team.chat.messages.delete(sent, actor=team.ann)
    with pytest.raises(NotFound):
        await team.chat.attachments.get(file, actor=team.ann)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\tea.png", "tea.png"), ("a/", "file"), ("über tea.png", "über tea.png")],
)
async def test_a_path_in_a_name_leads_nowhere(team: Team, name: str, kept: str) -> None:
    file = await upload(team, team.ann, name)
    assert (file.filename, file.original_filename) == (kept, name)


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "a\r\nSet-Cookie: x", "a\x00.png", "\ud800", "evil\u202egnp.exe"])
async def test_a_name_is_one_line(team: Team, name: str) -> None:
    before = await stored(team.chat)
    with pytest.raises(ValidationFailed):
        await upload(team, team.ann, name)
    assert await stored(team.chat) == before


async def test_an_upload_has_its_size(team: Team) -> None:
    limit = team.chat.config.max_file_size
    assert (await upload(team, team.ann, size=limit)).size == limit
    for size, error in (
        (0, ValidationFailed),
        (-1, ValidationFailed),
        (limit + 1, PayloadTooLarge),
        (10**30, PayloadTooLarge),
    ):
        with pytest.raises(error):
            await upload(team, team.ann, size=size)
    with pytest.raises(NotFound):
        await upload(team, team.stranger)
