"""Packets that are larger than a notification."""

from hypothesis import given
from hypothesis import strategies as st

from chat_bus_postgres.pieces import LARGEST, Cutter, Joiner


@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), min_size=1, max_size=8),
    st.integers(1, 9000),
)
def test_everything_comes_out_as_it_went_in(words: list[str], times: int) -> None:
    packets = [b"[" + (word * times).encode() for word in words]
    cutter, arrived = Cutter(), list[bytes]()
    joiner = Joiner(arrived.append)
    for packet in packets:
        for piece in cutter.pieces(packet):
            assert len(piece) <= LARGEST
            piece.decode()  # text, each of them
            joiner.take(piece)
    assert arrived == packets


def test_two_senders_do_not_mix() -> None:
    packets = [b"[" + letter * 20_000 for letter in (b"a", b"b")]
    cut = [list(Cutter().pieces(packet)) for packet in packets]
    arrived: list[bytes] = []
    joiner = Joiner(arrived.append)
    for pair in zip(*cut, strict=True):
        for piece in pair:
            joiner.take(piece)
    assert arrived == packets


def test_a_packet_of_which_a_piece_is_missing_is_lost_and_the_next_is_not() -> None:
    cutter, arrived = Cutter(), list[bytes]()
    joiner = Joiner(arrived.append)
    first, second = (list(cutter.pieces(b"[" + letter * 20_000)) for letter in (b"a", b"b"))
    for piece in (first[0], first[2], *second):
        joiner.take(piece)
    assert arrived == [b"[" + b"b" * 20_000]
