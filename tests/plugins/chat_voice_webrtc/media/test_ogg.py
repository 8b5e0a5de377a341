"""Opus in Ogg, read by FFmpeg."""

import io

import av
import numpy as np
from aiortc.codecs.opus import OpusEncoder
from hypothesis import given
from hypothesis import strategies as st

from chat_voice_webrtc.media.ogg import PRE_SKIP, SILENCE, OggOpus, checksum, samples

RATE = 48_000


def encoded(count: int, hertz: float = 440) -> list[bytes]:
    """So many packets of 20 ms of a tone."""
    encoder, packets = OpusEncoder(), []
    for number in range(count):
        wave = np.sin(2 * np.pi * hertz * (np.arange(960) + 960 * number) / RATE) * 10_000
        frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 960 * number
        packets += encoder.encode(frame)[0]
    return packets


def decoded(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as file:
        return np.concatenate([frame.to_ndarray().mean(axis=0) for frame in file.decode(audio=0)])


def test_what_is_written_is_read_by_others_with_the_pause_in_its_place() -> None:
    ogg, packets = OggOpus(7, ("ARTIST=ada",)), encoded(100)
    data = ogg.headers()
    for packet in packets[:50]:
        data += ogg.add(packet)
    data += ogg.silence(RATE)
    for packet in packets[50:]:
        data += ogg.add(packet)
    data += ogg.flush(last=True)
    with av.open(io.BytesIO(data)) as file:
        assert file.streams.audio[0].metadata["ARTIST"] == "ada"
    sound = decoded(data)
    assert abs(len(sound) - 3 * RATE) <= 2 * PRE_SKIP
    parts = [float(np.abs(sound[int(at * RATE) :][:9600]).mean()) for at in (0.5, 1.5, 2.5)]
    assert parts[0] > 0.1
    assert parts[1] < 0.001
    assert parts[2] > 0.1


def test_how_long_packets_sound() -> None:
    assert samples(SILENCE) == 960
    assert samples(b"") == 0
    assert {samples(packet) for packet in encoded(3)} == {960}
    assert samples(bytes([31 << 3 | 3, 6])) == 5760
    assert samples(bytes([3, 63])) == 0  # longer than a packet may be


@given(st.binary(max_size=64))
def test_the_checksum_is_oggs(data: bytes) -> None:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    assert checksum(data) == crc
