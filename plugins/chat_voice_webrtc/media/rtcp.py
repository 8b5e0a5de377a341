"""RTCP (RFC 3550, 4585, 5104): what receivers report and ask for, and what we report and ask for."""

import struct
from collections.abc import Iterable, Iterator, Sequence

import attrs

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK, PLI, FIR, REMB = 1, 1, 4, 15
MAX_NACKS = 512
"""Sequence numbers in one request to send again; more is nonsense or an attack."""


@attrs.frozen
class SenderReport:
    """`ntp`: 32 bits from the middle of the sender's NTP time, by which it knows our answer."""

    ssrc: int
    ntp: int
    timestamp: int


@attrs.frozen
class Report:
    """What a receiver says of one of our streams; `delay` in 1/65536 s since it had the sender report `last`."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last: int
    delay: int


@attrs.frozen
class Lost:
    """Packets that a receiver wants again."""

    ssrc: int
    sequences: tuple[int, ...]


@attrs.frozen
class KeyFrameWanted:
    ssrc: int


@attrs.frozen
class Bye:
    ssrcs: tuple[int, ...]


Item = SenderReport | Report | Lost | KeyFrameWanted | Bye


def parse(data: bytes) -> list[Item]:
    """What a compound packet says, as far as it is understood; the rest of a broken one is left out."""
    items: list[Item] = []
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        body = data[at + 4 : at + 4 + 4 * words]
        if first >> 6 != 2 or len(body) < 4 * words:
            break
        try:
            items.extend(_parse_one(kind, first & 0x1F, body))
        except struct.error:
            break
        at += 4 + 4 * words
    return items


def _parse_one(kind: int, count: int, body: bytes) -> Iterator[Item]:
    if kind == SR:
        ssrc, ntp, timestamp = struct.unpack_from("!LQL", body)
        yield SenderReport(ssrc, ntp >> 16 & 0xFFFFFFFF, timestamp)
        yield from _reports(body, 24, count)
    elif kind == RR:
        yield from _reports(body, 4, count)
    elif kind == BYE:
        yield Bye(struct.unpack_from(f"!{count}L", body))
    elif kind == RTPFB and count == NACK:
        yield Lost(struct.unpack_from("!L", body, 4)[0], tuple(_sequences(body[8:])))
    elif kind == PSFB and count == PLI:
        yield KeyFrameWanted(struct.unpack_from("!L", body, 4)[0])
    elif kind == PSFB and count == FIR:
        for at in range(8, len(body) - 7, 8):
            yield KeyFrameWanted(struct.unpack_from("!L", body, at)[0])


def _reports(body: bytes, at: int, count: int) -> Iterator[Report]:
    for _ in range(count):
        ssrc, lost, highest, jitter, last, delay = struct.unpack_from("!LLLLLL", body, at)
        total = lost & 0xFFFFFF
        yield Report(ssrc, lost >> 24, total - (1 << 24 if total & 0x800000 else 0), highest, jitter, last, delay)
        at += 24


def _sequences(body: bytes) -> Iterator[int]:
    given = 0
    for at in range(0, len(body) - 3, 4):
        first, others = struct.unpack_from("!HH", body, at)
        yield first
        given += 1
        for bit in range(16):
            if others >> bit & 1:
                yield (first + bit + 1) & 0xFFFF
                given += 1
        if given >= MAX_NACKS:
            return


def sender_report(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, reports: Sequence[Report] = ()
) -> bytes:
    """SR with up to 31 reports. `ntp`: all 64 bits."""
    sent = struct.pack("!LQLLL", ssrc, ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    return _packet(SR, len(reports[:31]), sent + b"".join(map(_report, reports[:31])))


def receiver_report(ssrc: int, reports: Sequence[Report]) -> bytes:
    """RR with up to 31 reports."""
    return _packet(RR, len(reports[:31]), struct.pack("!L", ssrc) + b"".join(map(_report, reports[:31])))


def source_description(ssrc: int, cname: bytes) -> bytes:
    """SDES with a canonical name: streams of one name are played in step."""
    chunk = struct.pack("!LBB", ssrc, 1, len(cname)) + cname + b"\0"
    return _packet(SDES, 1, chunk + bytes(-len(chunk) % 4))


def key_frame_wanted(ssrc: int, media: int) -> bytes:
    """PLI."""
    return _packet(PSFB, PLI, struct.pack("!LL", ssrc, media))


def wanted_again(ssrc: int, media: int, sequences: Iterable[int]) -> bytes:
    """NACK."""
    blocks = b"".join(struct.pack("!HH", sequence, 0) for sequence in sequences)
    return _packet(RTPFB, NACK, struct.pack("!LL", ssrc, media) + blocks)


def bitrate_limit(ssrc: int, bitrate: int, media: Sequence[int]) -> bytes:
    """REMB: the sender of these streams may send so many bits per second in all."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    body = struct.pack("!LL4sBBH", ssrc, 0, b"REMB", len(media), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
    return _packet(PSFB, REMB, body + b"".join(struct.pack("!L", each) for each in media))


def _report(report: Report) -> bytes:
    lost = max(-0x800000, min(report.lost, 0x7FFFFF)) & 0xFFFFFF
    return struct.pack(
        "!LLLLLL",
        report.ssrc,
        report.fraction_lost << 24 | lost,
        report.highest & 0xFFFFFFFF,
        report.jitter & 0xFFFFFFFF,
        report.last,
        report.delay,
    )


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
