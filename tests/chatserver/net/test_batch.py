"""What is written: made once, in both forms."""

import pytest
from tests.chatserver.net.frames import TEXT, parse_server_frames

from chatserver.net.batch import Batch, Text, single, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_of_every_length(size: int) -> None:
    payload = b"x" * size
    assert parse_server_frames(text_frame(payload)) == ([(TEXT, payload)], b"")


def test_a_batch_is_its_texts_in_order_and_made_once() -> None:
    batch = Batch([Text("ü".encode(), 1), Text(b"b", 2)])
    assert parse_server_frames(batch.framed) == ([(TEXT, "ü".encode()), (TEXT, b"b")], b"")
    assert batch.strings == ["ü", "b"]
    assert batch.framed is batch.framed
    assert batch.strings is batch.strings
    assert batch.size == len(batch.framed)


def test_a_single_text_is_not_copied() -> None:
    text = Text(b"x")
    assert Batch((text,)).framed is text.framed
    assert single(b"x").strings == ["x"]
