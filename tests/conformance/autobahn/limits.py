"""Family 9: many, long, and too long messages. The suite goes up to 16 MiB; here 64 KiB is the longest text, and what
is longer has to be refused with 1009, however it is sent."""

from collections.abc import Iterator
from functools import partial

from tests.chatserver.net.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame
from tests.conformance.case import WHOLE, Case, Frames, echo, fragmented

from chatserver.net.socket import FRAME_LIMIT, NOT_TEXT, TOO_LARGE

_KIB, _MIB = 1024, 1024 * 1024
_SIZES = (64 * _KIB, 256 * _KIB, _MIB, 4 * _MIB, 8 * _MIB, 16 * _MIB)
_FRAGMENTS = (64, 256, _KIB, 4 * _KIB, 16 * _KIB, 64 * _KIB, 256 * _KIB, _MIB, 4 * _MIB)
_CHOPS = (64, 128, 256, 512, 1024, 2048)
_ROUND_TRIPS = (0, 16, 64, 256, 1024, 4096)
_MANY = 1000


def _single(opcode: int, size: int) -> Frames:
    return [frame(opcode, b"*" * size, mask=bytes(4))]


def _parts(opcode: int, size: int, part: int) -> Frames:
    return fragmented(b"*" * size, part, opcode)


def _long() -> Iterator[Case]:
    for number, size in enumerate(_SIZES, 1):
        fits = size <= FRAME_LIMIT
        heard = [echo(b"*" * size)] if fits else []
        yield Case(f"9.1.{number}", partial(_single, TEXT, size), heard, ends=1000 if fits else TOO_LARGE)
        yield Case(f"9.2.{number}", partial(_single, BINARY, size), ends=NOT_TEXT if fits else TOO_LARGE)


def _in_fragments() -> Iterator[Case]:
    for number, part in enumerate(_FRAGMENTS, 1):
        size = FRAME_LIMIT if part < FRAME_LIMIT else 4 * _MIB
        fits = size == FRAME_LIMIT
        heard = [echo(b"*" * size)] if fits else []
        yield Case(f"9.3.{number}", partial(_parts, TEXT, size, part), heard, ends=1000 if fits else TOO_LARGE)
        if fits:
            yield Case(f"9.3.{number}+", partial(_parts, TEXT, size + 1, part), ends=TOO_LARGE)
        binary = FRAME_LIMIT if part <= FRAME_LIMIT else size
        refusal = NOT_TEXT if part <= FRAME_LIMIT else TOO_LARGE
        yield Case(f"9.4.{number}", partial(_parts, BINARY, binary, part), ends=refusal)


def _chopped() -> Iterator[Case]:
    for number, octets in enumerate(_CHOPS, 1):
        text = partial(_single, TEXT, FRAME_LIMIT)
        yield Case(f"9.5.{number}", text, [echo(b"*" * FRAME_LIMIT)], cut=octets)
        yield Case(f"9.6.{number}", partial(_single, BINARY, FRAME_LIMIT), ends=NOT_TEXT, cut=octets)


def _many() -> Iterator[Case]:
    for number, size in enumerate(_ROUND_TRIPS, 1):
        payload = b"*" * size
        yield Case(f"9.7.{number}", [frame(TEXT, payload)] * _MANY, [echo(payload)] * _MANY, cut=16 * _KIB)
        yield Case(f"9.8.{number}", [frame(BINARY, payload)] * _MANY, ends=NOT_TEXT, cut=WHOLE)


def _beside() -> Iterator[Case]:
    """What surrounds a message takes nothing from its limit, and what cannot be a message is not waited for."""
    almost, rest = frame(TEXT, b"*" * (FRAME_LIMIT - 1), fin=False, mask=bytes(4)), frame(CONTINUATION, b"*")
    ping = frame(PING, b"p" * 125)
    whole = [(PONG, b"p" * 125), echo(b"*" * FRAME_LIMIT)]
    yield Case("9.3.10+", [almost, ping, rest], whole)
    empty = frame(CONTINUATION, fin=False)
    yield Case("9.3.11+", [almost, *[empty] * 500, ping, rest], whole)
    yield Case("9.1.7+", [frame(TEXT, b"*" * (FRAME_LIMIT + 1), mask=bytes(4))], ends=TOO_LARGE)
    # §5.2: the most significant bit must be 0, and a length takes as few octets as it can.
    yield Case("9.1.8+", [b"\x81\xff" + (2**63).to_bytes(8, "big") + bytes(4)], ends=1002)
    yield Case("9.1.9+", [frame(TEXT, b"*" * 125, length_bytes=2)], ends=1002)
    yield Case("9.1.10+", [frame(TEXT, b"*" * 65535, length_bytes=8, mask=bytes(4))], ends=1002)


CASES = [*_long(), *_in_fragments(), *_chopped(), *_many(), *_beside()]
