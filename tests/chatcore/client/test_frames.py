"""A client's WebSocket frames, held against those of wsproto's server."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from chatcore.client import frames
from chatcore.client.frames import Came, Frames, text_frames


def server() -> Connection:
    """The other end."""
    return Connection(ConnectionType.SERVER)


def pieces(data: bytes, rng: random.Random) -> Iterator[bytes]:
    """As a network may hand it over."""
    while data:
        size = rng.choice([1, 2, 3, 50, len(data)])
        yield data[:size]
        data = data[size:]


@given(st.lists(st.text(max_size=200) | st.sampled_from(["x" * 126, "é" * 40_000]), max_size=6), st.randoms())
def test_whatever_is_said_comes_in_pieces_of_any_size(texts: list[str], rng: random.Random) -> None:
    other = server()
    data = b"".join(other.send(TextMessage(data=text)) for text in texts)
    reader = Frames()
    assert [each for piece in pieces(data, rng) for each in reader.feed(piece).texts] == [
        text.encode() for text in texts
    ]


@given(st.lists(st.text(max_size=200) | st.sampled_from(["x" * 126, "é" * 40_000]), min_size=1, max_size=6))
def test_the_other_end_reads_what_is_sent(texts: list[str]) -> None:
    other = server()
    other.receive_data(text_frames([text.encode() for text in texts]))
    assert [event.data for event in other.events() if isinstance(event, TextMessage)] == texts


def test_every_frame_has_a_mask_of_its_own() -> None:
    sent = text_frames([b"same"] * 50)
    masks = {sent[at + 2 : at + 6] for at in range(0, len(sent), 10)}
    assert len(masks) > 45


def test_fragments_are_put_together_and_pings_between_them_answered() -> None:
    other, reader = server(), Frames()
    data = other.send(TextMessage(data="one ", message_finished=False))
    data += other.send(Ping(payload=b"there?"))
    data += other.send(TextMessage(data="", message_finished=False))
    data += other.send(TextMessage(data="two")) + other.send(TextMessage(data="three"))
    came = reader.feed(data)
    assert came.texts == [b"one two", b"three"]
    other.receive_data(came.answers)
    assert [bytes(event.payload) for event in other.events() if isinstance(event, Pong)] == [b"there?"]


def test_bytes_come_as_they_are() -> None:
    assert Frames().feed(server().send(BytesMessage(data=b"\xff"))).texts == [b"\xff"]


def test_a_ping_is_answered_with_its_payload() -> None:
    other, reader = server(), Frames()
    other.receive_data(reader.ping(b"7"))
    (ping,) = other.events()
    assert isinstance(ping, Ping)
    assert reader.feed(other.send(ping.response())).pongs == [b"7"]


def test_a_goodbye_is_answered_once_and_nothing_comes_behind_it() -> None:
    other, reader = server(), Frames()
    data = other.send(TextMessage(data="last")) + other.send(CloseConnection(code=1012, reason="restart"))
    came = reader.feed(data + text_frames([b"never"]))
    assert (came.texts, came.code, came.reason) == ([b"last"], 1012, "restart")
    other.receive_data(came.answers)
    assert [type(event) for event in other.events()] == [CloseConnection]
    assert other.state is ConnectionState.CLOSED
    assert (reader.goodbye(1000), reader.ping(b"1")) == (b"", b"")


def test_our_goodbye_is_answered() -> None:
    other, reader = server(), Frames()
    other.receive_data(reader.goodbye(1000, "done"))
    (event,) = other.events()
    assert isinstance(event, CloseConnection)
    came = reader.feed(other.send(event.response()))
    assert (came.code, came.answers) == (1000, b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x85\0\0\0\0hello", 1002),
        (b"\xc1\x05hello", 1002),
        (b"\x83\x05hello", 1002),
        (b"\x80\x05hello", 1002),
        (b"\x89\x7e\x00\x80" + b"x" * 128, 1002),
        (b"\x01\x05hello\x81\x05hello", 1002),
        (b"\x01\x02\xc3\x28\x80\x00", 1007),
        (b"\x88\x02\x03\xed", 1002),
        (b"\x88\x01\x03", 1002),
    ],
    ids=["masked", "reserved bit", "unknown", "nothing to go on with", "long ping", "new text in pieces", "no utf-8",
         "code not to be sent", "half a code"],
)  # fmt: skip
def test_what_breaks_the_rfc_ends_the_connection(data: bytes, code: int) -> None:
    came = Frames().feed(data)
    assert (came.code, came.texts) == (code, [])
    other = server()
    other.receive_data(came.answers)
    assert [event.code for event in other.events() if isinstance(event, CloseConnection)] == [code]


def feed_all(reader: Frames, *data: bytes) -> Came:
    """What the last of these came to."""
    came = Came()
    for each in data:
        came = reader.feed(each)
    return came


def test_what_is_too_long_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_TEXT", 1000)
    assert Frames().feed(b"\x81\x7e\x03\xe9").code == 1009
    assert Frames().feed(b"\x81\x7f" + (2**63 - 1).to_bytes(8, "big")).code == 1009
    assert feed_all(Frames(), b"\x01\x7e\x01\xf4" + b"x" * 500, b"\x80\x7e\x01\xf5").code == 1009
    assert feed_all(Frames(), b"\x01\x7e\x01\xf4" + b"x" * 500, b"\x80\x7e\x01\xf4" + b"x" * 500).texts == [b"x" * 1000]


@given(st.binary(max_size=200))
def test_noise_neither_raises_nor_is_heard_twice(noise: bytes) -> None:
    whole, reader = Frames().feed(noise), Frames()
    texts: list[bytes] = []
    for at in range(len(noise)):
        came = reader.feed(noise[at : at + 1])
        texts += came.texts
        if came.code:
            break
    assert texts[: len(whole.texts)] == whole.texts
