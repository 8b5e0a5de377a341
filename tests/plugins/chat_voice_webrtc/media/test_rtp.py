"""RTP, with aiortc's own parser for comparison."""

from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media import rtp

EXTENSIONS = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4)
LONG = st.dictionaries(st.integers(1, 255), st.binary(min_size=0, max_size=40), min_size=1, max_size=4)


@given(
    st.booleans(), st.integers(0, 127), st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    EXTENSIONS | LONG, st.binary(max_size=50),
)  # fmt: skip
def test_what_is_built_is_parsed_by_both(
    marker: bool, kind: int, sequence: int, timestamp: int, ssrc: int, extensions: dict[int, bytes], payload: bytes
) -> None:
    data = rtp.build(0x80 * marker, kind, sequence, timestamp, ssrc, rtp.extension_block(extensions), payload)
    ours, theirs = rtp.parse(data), RtpPacket.parse(data)
    assert ours is not None
    for packet in (ours, theirs):
        assert (bool(packet.marker), packet.payload_type) == (marker, kind)
        assert (packet.timestamp, packet.ssrc, packet.payload) == (timestamp, ssrc, payload)
    assert ours.sequence == theirs.sequence_number == sequence
    assert {key: rtp.extension(ours, key) for key in extensions} == extensions
    assert rtp.extension(ours, next(key for key in range(1, 256) if key not in extensions)) is None


@given(st.binary(max_size=80), st.integers(1, 255))
def test_anything_is_a_packet_or_none(data: bytes, wanted: int) -> None:
    packet = rtp.parse(data)
    if packet is not None:
        rtp.extension(packet, wanted)


def test_padding_is_taken_off() -> None:
    packet = rtp.parse(b"\xa0" + bytes(11) + b"voice" + b"\0\0\3")
    assert packet is not None
    assert packet.payload == b"voice"


def test_numbers_go_round() -> None:
    assert rtp.newer(0, 65535)
    assert not rtp.newer(65535, 0)
    assert not rtp.newer(5, 5)
