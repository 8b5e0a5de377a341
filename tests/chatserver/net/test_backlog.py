"""What waits for one blocked peer: every byte once, in order, whatever the kernel takes."""

import random

import pytest

from chatserver.net.backlog import Backlog


@pytest.mark.parametrize("seed", range(100))
def test_every_byte_goes_out_once_in_order(seed: int) -> None:
    chance = random.Random(seed)
    expected = first = chance.randbytes(chance.randint(1, 50))
    backlog, out = Backlog(memoryview(first)), b""
    for _ in range(200):
        if chance.random() < 0.6:
            piece = chance.randbytes(chance.randint(1, 50))
            expected += piece
            backlog.add(piece)
        elif pieces := backlog.hand_out():
            taken = b"".join(pieces)[: chance.randint(0, 200)]
            out += taken
            backlog.sent(len(taken))
        assert backlog.size == len(expected) - len(out)
    while pieces := backlog.hand_out():
        out += b"".join(pieces)
        backlog.sent(len(b"".join(pieces)))
    assert out == expected
    assert backlog.size == 0


def test_what_the_writer_holds_is_not_dropped() -> None:
    backlog = Backlog(b"half sent")
    for number in range(100):
        backlog.add(b"%d," % number)
    backlog.drop()
    assert backlog.hand_out() == [b"half sent"]
    backlog.add(b"a")
    held = backlog.hand_out()
    backlog.add(b"b")
    backlog.drop()
    backlog.add(b"goodbye")
    assert held == [b"half sent", b"a"]
    backlog.sent(len(b"half senta"))
    assert backlog.hand_out() == [b"goodbye"]
    assert backlog.size == len(b"goodbye")
