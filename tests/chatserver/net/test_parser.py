"""What comes in: the fast way and the strict way must say the same, however the bytes are cut."""

import random
from typing import Any

import pytest
from tests.chatserver.net.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_frame,
    close_of,
    frame,
    parse_server_frames,
    pieces,
)
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from chatserver.net.parser import Parsed, Parser, Part
from chatserver.net.socket import FRAME_LIMIT


def feed(*data: bytes) -> Parsed:
    """Everything that came of these pieces, taken together."""
    parser, total = Parser(), Parsed()
    for piece in data:
        parsed = parser.feed(piece)
        total.texts += parsed.texts
        total.pong |= parsed.pong
        total.frames += parsed.frames
        total.answers += parsed.answers
        total.ended_by, total.code = parsed.ended_by, parsed.code
        if parsed.ended_by is not None:
            break
    return total


def closes_with(parsed: Parsed) -> int:
    """The code of the close frame that ends the answers."""
    frames, rest = parse_server_frames(parsed.answers)
    assert rest == b""
    opcode, payload = frames[-1]
    assert opcode == CLOSE
    return close_of(payload)[0]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, FRAME_LIMIT])
def test_texts_of_every_length(size: int) -> None:
    text = "ü" * (size // 2) + "x" * (size % 2)
    assert feed(frame(TEXT, text.encode())).texts == [text]


@pytest.mark.parametrize("size", [FRAME_LIMIT + 1, 2**20, 2**40])
def test_what_is_too_large_is_refused_by_its_header(size: int) -> None:
    header = b"\x81\xff" + size.to_bytes(8, "big")
    parsed = feed(header)
    assert (parsed.ended_by, parsed.code, closes_with(parsed)) == (Part.FAULT, 1009, 1009)


def test_fragments_together_are_bounded_too() -> None:
    part = frame(TEXT, b"x" * 40_000, fin=False)
    parsed = feed(part, frame(CONTINUATION, b"x" * 40_000)[:14])
    assert parsed.code == 1009


def test_fragments_make_one_text_with_control_frames_between() -> None:
    parsed = feed(
        frame(TEXT, "hü".encode()[:2], fin=False)
        + frame(PING, b"a")
        + frame(CONTINUATION, "hü".encode()[2:], fin=False)
        + frame(PONG)
        + frame(CONTINUATION, b"!")
        + frame(TEXT, b"next")
    )
    assert parsed.texts == ["hü!", "next"]
    assert parsed.pong
    assert parsed.frames == 6
    assert parse_server_frames(parsed.answers)[0] == [(PONG, b"a")]


@pytest.mark.parametrize("payload", [b"", b"x" * 125])
def test_a_ping_is_answered_with_its_payload(payload: bytes) -> None:
    assert parse_server_frames(feed(frame(PING, payload)).answers) == ([(PONG, payload)], b"")


@pytest.mark.parametrize("payload", [b"", b"x" * 125])
def test_a_pong_is_a_sign_of_life(payload: bytes) -> None:
    parsed = feed(frame(PONG, payload))
    assert (parsed.pong, parsed.answers, parsed.ended_by) == (True, b"", None)


WRONG: dict[str, bytes] = {
    "reserved bit": frame(TEXT, b"x", reserved=4),
    "reserved bits of a ping": frame(PING, reserved=1),
    **{f"opcode {opcode}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "unmasked text": frame(TEXT, b"x", masked=False),
    "unmasked ping": frame(PING, b"x", masked=False),
    "fragmented ping": frame(PING, b"x", fin=False),
    "fragmented close": frame(CLOSE, b"\x03\xe8", fin=False),
    "long ping": frame(PING, b"x" * 126),
    "long pong": frame(PONG, b"x" * 126),
    "long close": close_frame(1000, b"x" * 124),
    "length in two bytes": frame(TEXT, b"x", length_bytes=2),
    "length in eight bytes": frame(TEXT, b"x" * 200, length_bytes=8),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "text in a text": frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"),
    "close of one byte": frame(CLOSE, b"\x03"),
    **{
        f"close code {code}": close_frame(code)
        for code in (0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    },
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_breaks_the_rfc_is_a_protocol_error(wrong: bytes) -> None:
    for data in ([wrong], [wrong[index : index + 1] for index in range(len(wrong))]):
        parsed = feed(*data)
        assert (parsed.ended_by, parsed.code, closes_with(parsed)) == (Part.FAULT, 1002, 1002)


@pytest.mark.parametrize("wrong", ["reserved bit", "opcode 3", "long ping", "unmasked text"])
def test_an_error_in_the_header_is_not_waited_out(wrong: str) -> None:
    assert feed(WRONG[wrong][:4]).code == 1002


@pytest.mark.parametrize("payload", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"ok\xc3"])
def test_what_is_no_utf8_is_said_so(payload: bytes) -> None:
    assert feed(frame(TEXT, payload)).code == 1007
    assert feed(frame(TEXT, payload[:1], fin=False) + frame(CONTINUATION, payload[1:])).code == 1007
    assert feed(close_frame(1000, payload)).code == 1007


@pytest.mark.parametrize("fin", [True, False])
def test_binary_frames_are_not_for_us(fin: bool) -> None:
    assert feed(frame(BINARY, b"x", fin=fin)).code == 4400


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999])
def test_a_goodbye_is_returned(code: int) -> None:
    parsed = feed(frame(TEXT, b"last") + close_frame(code, b"bye") + frame(TEXT, b"too late"))
    assert (parsed.texts, parsed.ended_by, parsed.code) == (["last"], Part.PEER, code)
    assert closes_with(parsed) == code


def test_a_goodbye_without_a_code_is_returned() -> None:
    parsed = feed(close_frame(None))
    assert (parsed.ended_by, parsed.code) == (Part.PEER, 1005)
    assert parse_server_frames(parsed.answers) == ([(CLOSE, b"")], b"")


def test_our_goodbye_is_said_once_and_theirs_still_heard() -> None:
    parser = Parser()
    assert close_of(parse_server_frames(parser.goodbye(4001, "slow"))[0][0][1]) == (4001, "slow")
    assert parser.goodbye(1000, "") == b""
    assert parser.feed(frame(TEXT, b"x")).ended_by is None
    parsed = parser.feed(close_frame(4001))
    assert (parsed.ended_by, parsed.answers) == (Part.PEER, b"")


def test_a_long_reason_is_cut_where_a_character_ends() -> None:
    (opcode, payload), *_ = parse_server_frames(Parser().goodbye(4000, "ü" * 100))[0]
    assert opcode == CLOSE
    assert len(payload) <= 125
    assert close_of(payload)[1] == "ü" * 61


# --- compared with wsproto alone -------------------------------------------------------------------------------------


def strictly(data: list[bytes]) -> tuple[list[str], int, int | None]:
    """Texts, pongs and close code as wsproto alone sees them, fragments put together."""
    connection, texts, part, pongs = Connection(ConnectionType.SERVER), [], "", 0
    for piece in data:
        connection.receive_data(piece)
        for event in connection.events():
            match event:
                case TextMessage():
                    part += event.data
                    if event.message_finished:
                        texts.append(part)
                        part = ""
                case Pong():
                    pongs += 1
                case Ping():
                    connection.send(event.response())
                case CloseConnection():
                    return texts, pongs, int(event.code)
                case _:
                    return texts, pongs, 4400
        if connection.state is not ConnectionState.OPEN:
            break
    return texts, pongs, None


def wild(chance: random.Random) -> bytes:
    text = chance.choice(["", "x", "hü👍", "x" * 130, "x" * 70_000]).encode()[: chance.choice([3, 1000, 60_000])]
    makers: list[Any] = [
        lambda: frame(TEXT, text),
        lambda: frame(TEXT, text.decode(errors="ignore").encode()),
        lambda: frame(TEXT, text.decode(errors="ignore").encode()),
        lambda: frame(TEXT, b"ab", fin=False) + frame(PING) + frame(CONTINUATION, b"cd"),
        lambda: frame(PING, b"p"),
        lambda: frame(PONG, b"p" * chance.choice([0, 3])),
    ]
    if chance.random() < 0.05:
        return chance.choice([*WRONG.values(), close_frame(), chance.randbytes(20)])
    made: bytes = chance.choice(makers)()
    return made


@pytest.mark.parametrize("seed", range(150))
def test_it_agrees_with_wsproto_on_any_input_in_any_pieces(seed: int) -> None:
    chance = random.Random(seed)
    data = b"".join(wild(chance) for _ in range(chance.randint(1, 12)))
    texts, _, code = strictly([data])
    parsed = feed(*pieces(data, chance))
    if parsed.code in (1009, 4400):
        # Refused by the header, before wsproto has all of it.
        assert texts[: len(parsed.texts)] == parsed.texts
    else:
        assert (parsed.texts, parsed.code or None) == (texts, code)


@pytest.mark.parametrize("seed", range(50))
def test_noise_is_never_a_fault_of_ours(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        feed(*pieces(chance.randbytes(chance.choice([1, 5, 50, 500])), chance))
