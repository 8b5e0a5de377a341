"""Frames between the chat and its media process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.link import MAX_FRAME, Decoder, LinkBroken, encode

FRAMES = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers(-9, 9) | st.text(max_size=5), max_size=3), max_size=5
)


@given(FRAMES, st.integers(1, 7))
def test_frames_come_out_however_they_are_cut(frames: list[dict[str, object]], size: int) -> None:
    data = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()
    found = [frame for at in range(0, len(data), size) for frame in decoder.feed(data[at : at + size])]
    assert found == frames


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\1{", b"\0\0\0\4null"])
def test_what_is_no_frame_breaks_the_link(data: bytes) -> None:
    with pytest.raises(LinkBroken):
        Decoder().feed(data)


def test_a_frame_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(LinkBroken):
        encode({"data": "x" * MAX_FRAME})
