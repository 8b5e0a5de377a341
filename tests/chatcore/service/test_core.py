"""What the services share: references, mentions, faces."""

import pytest

from chatcore.chat import Chat
from chatcore.errors import NotFound
from chatcore.events import MemberUpdated
from chatcore.ids import UserId, WorkspaceId, uuid7
from chatcore.model import MemberCard, Role
from chatcore.ports import seal
from chatcore.service.core import Cards, id_of, mentions_in

# Not made anew each time: they are part of the names of tests, which are the same in every process that runs some.
ANN, BEN, STRANGER = (UserId(f"00000000-000{number}-7000-8abc-0000000000ef") for number in (1, 2, 3))

MENTIONS = [
    ("Hello", (), False),
    (f"<@{ANN}>", (ANN,), False),
    (f"<@{BEN}> and <@{ANN}>, <@{BEN}>!", (BEN, ANN), False),
    (f"<@{STRANGER}>", (), False),
    (f"<@{ANN.upper()}>", (), False),
    (f"@{ANN} <{ANN}> <@{ANN[:-1]}>", (), False),
    ("@channel", (), True),
    ("please, @here!", (), True),
    ("(@everyone)", (), True),
    (f"<@{ANN}> @channel", (ANN,), True),
    ("mail@here.example", (), False),
    ("mail.@channel", (), False),
    ("@@here", (), False),
    ("@channels @hereby @everyone2 @Channel", (), False),
    ("@" * 4000, (), False),
    ("<@" * 2000, (), False),
]


@pytest.mark.parametrize(("text", "people", "everyone"), MENTIONS, ids=lambda value: str(value)[:20])
def test_whom_a_text_mentions(text: str, people: tuple[UserId, ...], everyone: bool) -> None:
    assert mentions_in(text, {ANN, BEN}) == (people, everyone)


@pytest.mark.parametrize(
    "text",
    ["", "ann", "0" * 36, ANN.upper(), ANN + "\n", f" {ANN}", "\ud800", "x" * 1_000_000],
    ids=lambda text: ascii(text[:40]),
)
def test_what_is_no_id_names_nothing(text: str) -> None:
    with pytest.raises(NotFound, match="an id is a UUID in lower case"):
        id_of(text)


def test_an_id_names_itself() -> None:
    assert id_of(ANN) == ANN
    assert id_of(MemberCardLike(ANN)) == ANN


class MemberCardLike:
    def __init__(self, id_: UserId) -> None:
        self.id = id_


async def test_a_face_is_remembered_until_it_changes(chat: Chat) -> None:
    user = await chat.users.create(email="ann@example.org", display_name="Ann")
    cards = Cards(chat.storage)
    assert (await cards.get(user.id)).display_name == "Ann"
    await chat.users.update(user, actor=user, display_name="Annie")
    assert (await cards.get(user.id)).display_name == "Ann"
    card = MemberCard(user_id=user.id, display_name="Annie", role=Role.MEMBER)
    workspace_id = WorkspaceId(uuid7(9))
    cards.deliver(workspace_id, [seal(MemberUpdated(workspace_id=workspace_id, member=card))])
    assert (await cards.get(user.id)).display_name == "Annie"
    with pytest.raises(NotFound):
        await cards.get(STRANGER)
