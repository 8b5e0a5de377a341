"""The order of one socket's frames: begun in order, answered in order."""

import random

import pytest

from chatserver.gateway.frames import ClientFrame
from chatserver.gateway.pipeline import DEPTH, ROOM, Pipeline, Turn

FRAME = ClientFrame()


def turn(name: str, *, shared: bool = False) -> Turn:
    return Turn(FRAME, name, shared)


def test_turns_run_one_after_the_other() -> None:
    pipeline = Pipeline()
    pipeline.add(turn("a"))
    pipeline.add(turn("b"))
    first = pipeline.begin()
    assert first is not None
    assert first.id == "a"
    assert pipeline.begin() is None
    assert pipeline.finish(first, b"A") == [b"A"]
    second = pipeline.begin()
    assert second is not None
    assert second.id == "b"


def test_shared_turns_overlap_and_are_answered_in_order() -> None:
    pipeline = Pipeline()
    for name in "abc":
        pipeline.add(turn(name, shared=True))
    assert pipeline.ready
    first, second, third = (pipeline.begin() for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert pipeline.finish(third, b"C") == []
    assert pipeline.finish(first, b"A") == [b"A"]
    assert pipeline.finish(second, None) == [b"C"]
    assert pipeline.idle


def test_what_is_not_shared_waits_for_everything_before_it() -> None:
    pipeline = Pipeline()
    pipeline.add(turn("a", shared=True))
    pipeline.add(turn("b"))
    pipeline.add(turn("c", shared=True))
    first = pipeline.begin()
    assert first is not None
    assert pipeline.begin() is None
    assert not pipeline.ready
    pipeline.finish(first, None)
    second = pipeline.begin()
    assert second is not None
    assert second.id == "b"
    assert pipeline.begin() is None


def test_it_is_bounded() -> None:
    pipeline = Pipeline()
    for number in range(ROOM):
        assert not pipeline.full
        pipeline.add(turn(str(number), shared=True))
    assert pipeline.full
    assert pipeline.ready
    begun = [pipeline.begin() for _ in range(DEPTH)]
    assert None not in begun
    assert pipeline.begin() is None


def test_what_has_not_begun_can_be_dropped() -> None:
    pipeline = Pipeline()
    pipeline.add(turn("a"))
    pipeline.add(turn("b"))
    first = pipeline.begin()
    pipeline.forget()
    assert first is not None
    assert pipeline.finish(first, b"A") == [b"A"]
    assert pipeline.idle


@pytest.mark.parametrize("seed", range(100))
def test_every_frame_is_begun_and_answered_once_in_order(seed: int) -> None:
    pipeline, chance = Pipeline(), random.Random(seed)
    shared = [chance.random() < 0.7 for _ in range(chance.randint(0, ROOM))]
    for number, flag in enumerate(shared):
        pipeline.add(turn(str(number), shared=flag))
    running: list[Turn] = []
    begun: list[str | None] = []
    answered: list[bytes] = []
    while not pipeline.idle:
        while pipeline.ready:
            found = pipeline.begin()
            assert found is not None
            running.append(found)
            begun.append(found.id)
        assert pipeline.begin() is None
        assert len(running) == 1 or all(each.shared for each in running)
        done = running.pop(chance.randrange(len(running)))
        answered += pipeline.finish(done, str(done.id).encode())
    assert begun == [str(number) for number in range(len(shared))]
    assert answered == [str(number).encode() for number in range(len(shared))]
