"""Key frames and picture numbers."""

from fractions import Fraction

import av
import numpy as np
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media import h264, vp8


def _frames(count: int) -> list[av.VideoFrame]:
    made = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number * 20, np.uint8), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = number * 3000, Fraction(1, 90_000)
        made.append(frame)
    return made


def test_only_the_first_packet_of_a_key_frame_is_one() -> None:
    encoder = Vp8Encoder()
    first, second, third = ([vp8.describe(each) for each in encoder.encode(frame, force)[0]]
                            for frame, force in zip(_frames(3), (True, False, True), strict=True))  # fmt: skip
    assert [each is not None and each.key_frame for each in (first[0], second[0], third[0])] == [True, False, True]
    assert not any(each is not None and each.key_frame for each in first[1:])


def test_h264_too() -> None:
    encoder = H264Encoder()
    first, second = (encoder.encode(frame, force)[0] for frame, force in zip(_frames(2), (True, False), strict=True))
    assert h264.is_key_frame(first[0])
    assert not any(map(h264.is_key_frame, second))


def test_picture_numbers_are_moved_in_both_lengths() -> None:
    long = bytes([0x90, 0xC0, 0x80 | 0x7F, 0xFF, 0x05]) + b"\0picture"
    found = vp8.describe(long)
    assert found is not None
    assert (found.picture, found.level, found.long_picture, found.key_frame) == (0x7FFF, 5, True, True)
    moved = vp8.describe(vp8.renumbered(long, found, 3, -6))
    assert moved is not None
    assert (moved.picture, moved.level) == (2, 255)
    short = bytes([0x90, 0x80, 0x7F]) + b"\0picture"
    found = vp8.describe(short)
    assert found is not None
    moved = vp8.describe(vp8.renumbered(short, found, 2, 0))
    assert moved is not None
    assert moved.picture == 1
    assert vp8.renumbered(short, found, 2, 0)[3:] == short[3:]


@given(st.binary(max_size=12))
def test_anything_is_described_or_not(payload: bytes) -> None:
    h264.is_key_frame(payload)
    found = vp8.describe(payload)
    if found is not None:
        assert len(vp8.renumbered(payload, found, 1, 1)) == len(payload)
