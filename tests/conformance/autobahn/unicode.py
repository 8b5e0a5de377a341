"""Family 6: what is UTF-8, and what is not."""

from collections.abc import Iterator, Sequence

from tests.chatserver.net.frames import CONTINUATION, TEXT, frame
from tests.conformance.case import Case, Frames, echo, fragmented

_MIXED = "Hello-µ@ßöäüàá-UTF-8!!".encode()
_GREEK = bytes.fromhex("cebae1bdb9cf83cebcceb5")
"""κόσμε, with its ό of three octets."""
_BEYOND = bytes.fromhex("f4908080")
"""A code point above U+10FFFF: lost with its second octet."""
_SURROGATE = _GREEK + bytes.fromhex("eda080") + b"edited"

_SAMPLES = ("Größe", "π ≈ 3,14 €", "日本語テキスト", "👩‍👩‍👧 𝔘𝔫𝔦", "κόσμε")
_PLANES = range(0, 0x110000, 0x10000)

_GOOD: dict[int, Sequence[str]] = {
    7: ("00", "c280", "e0a080", "f0908080"),
    9: ("7f", "dfbf", "efbfbf", "f48fbfbf"),
    11: ("ed9fbf", "ee8080", "efbfbd", "f48fbfbf"),
    22: [chr(plane + last).encode().hex() for plane in _PLANES for last in (0xFFFE, 0xFFFF)],
    23: ("efbfb9", "efbfba", "efbfbb", "efbfbc", "efbfbd", "efbfbe", "efbfbf"),
}
"""Octets of the groups 6.7 to 6.23 that come back."""

_LONELY = (range(0xC0, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF8), range(0xF8, 0xFC), range(0xFC, 0xFE))
_CUT_OFF = ("c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf")
_EVERY_CONTINUATION = bytes(range(0x80, 0xC0)).hex()
_BAD: dict[int, Sequence[str]] = {
    8: ("f888808080", "fc8480808080"),
    10: ("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"),
    12: ("80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf", _EVERY_CONTINUATION),
    13: [b"".join(bytes((octet, 0x20)) for octet in octets).hex() for octets in _LONELY],
    14: _CUT_OFF,
    15: ("".join(_CUT_OFF),),
    16: ("fe", "ff", "fefeffff"),
    17: ("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"),
    18: ("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"),
    19: ("c080", "e08080", "f0808080", "f880808080", "fc8080808080"),
    20: ("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"),
    21: [high + low for high in ("eda080", "edadbf", "edae80", "edafbf") for low in ("edb080", "edbfbf")],
}
"""Octets that end the connection with 1007."""


def _good(number: str, sends: Frames, payload: bytes) -> Case:
    return Case(f"6.{number}", sends, [echo(payload)])


def _bad(number: str, sends: Frames) -> Case:
    return Case(f"6.{number}", sends, ends=1007)


def _messages() -> Iterator[Case]:
    yield _good("1.1", [frame(TEXT)], b"")
    empty = [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION)]
    yield _good("1.2", empty, b"")
    middle = [frame(TEXT, fin=False), frame(CONTINUATION, b"middle", fin=False), frame(CONTINUATION)]
    yield _good("1.3", middle, b"middle")
    yield _good("2.1", [frame(TEXT, _MIXED)], _MIXED)
    halves = [frame(TEXT, _MIXED[:12], fin=False), frame(CONTINUATION, _MIXED[12:])]
    yield _good("2.2", halves, _MIXED)
    yield _good("2.3", fragmented(_MIXED, 1), _MIXED)
    yield _good("2.4", fragmented(_GREEK, 1), _GREEK)
    yield _bad("3.1", [frame(TEXT, _SURROGATE)])
    yield _bad("3.2", fragmented(_SURROGATE, 1))


def _failing_fast() -> Iterator[Case]:
    """What follows is never sent: the server has to end it as soon as the text can no longer become UTF-8."""
    first = frame(TEXT, _GREEK, fin=False)
    yield _bad("4.1", [first, frame(CONTINUATION, _BEYOND, fin=False)])
    yield _bad("4.2", [frame(TEXT, _GREEK + _BEYOND[:1], fin=False), frame(CONTINUATION, _BEYOND[1:2], fin=False)])
    # As before, but within one frame: the rest of its announced length is what never comes.
    whole = frame(TEXT, _GREEK + _BEYOND + b"edited")
    greek = 6 + len(_GREEK)
    yield _bad("4.3", [whole[:greek], whole[greek : greek + 4]])
    yield _bad("4.4", [whole[: greek + 1], whole[greek + 1 : greek + 2]])
    # What may still become UTF-8 is waited for.
    fine = frame(TEXT, _GREEK)
    yield _good("4.5+", [fine[:7], fine[7:]], _GREEK)


def _octets() -> Iterator[Case]:
    for number, sample in enumerate(_SAMPLES, 1):
        yield _good(f"5.{number}", [frame(TEXT, sample.encode())], sample.encode())
    boundaries = {len(_GREEK.decode()[:count].encode()) for count in range(len(_GREEK.decode()) + 1)}
    for size in range(1, len(_GREEK) + 1):
        sends = [frame(TEXT, _GREEK[:size])]
        yield _good(f"6.{size}", sends, _GREEK[:size]) if size in boundaries else _bad(f"6.{size}", sends)
    for group, samples in _GOOD.items():
        for number, octets in enumerate(samples, 1):
            payload = bytes.fromhex(octets)
            yield _good(f"{group}.{number}", [frame(TEXT, payload)], payload)
    for group, samples in _BAD.items():
        for number, octets in enumerate(samples, 1):
            yield _bad(f"{group}.{number}", [frame(TEXT, bytes.fromhex(octets))])
    yield _bad("11.5", [frame(TEXT, _BEYOND)])


CASES = [*_messages(), *_failing_fast(), *_octets()]
