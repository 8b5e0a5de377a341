"""`replaced` gives what `attrs.evolve` gives."""

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.events import EVENT_CLASSES
from chatcore.ids import ChannelId, MessageId, UserId, uuid7
from chatcore.model import Message, UserCard
from chatcore.replacing import replaced
from chatcore.state import ChannelState, State

MESSAGE = Message(
    id=MessageId(uuid7(1)),
    channel_id=ChannelId(uuid7(2)),
    user_id=UserId(uuid7(3)),
    user=UserCard(display_name="Ann"),
    content="hello",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@given(st.fixed_dictionaries({}, optional={"seq": st.integers(), "content": st.text(), "temp_id": st.none()}))
def test_it_changes_what_it_is_told_to(changes: dict[str, object]) -> None:
    assert replaced(MESSAGE, **changes) == attrs.evolve(MESSAGE, **changes)


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError, match="sequence"):
        replaced(MESSAGE, sequence=1)


@pytest.mark.parametrize("cls", [Message, State, ChannelState, *EVENT_CLASSES], ids=lambda cls: cls.__name__)
def test_the_classes_that_it_is_for_are_plain(cls: type[attrs.AttrsInstance]) -> None:
    assert all(field.init and field.alias == field.name for field in attrs.fields(cls))
