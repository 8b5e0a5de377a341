"""Who is heard."""

from collections.abc import Iterable

import attrs

from chat_voice_webrtc.media.speakers import HANGOVER, LINGER, Speakers, Talker

LOUD, QUIET, ROOM = 25, 40, 65
"""Levels in -dBov: a raised voice, a voice, a room."""


@attrs.define
class Scene:
    """People in a huddle with so many places, and 20 ms after another."""

    people: int
    places: int
    now: float = 0.0
    changes: int = 0
    heard: list[int] = attrs.field(factory=list)
    speakers: Speakers[int] = attrs.field(init=False)
    talkers: list[Talker[int]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.speakers = Speakers(self.places)
        self.talkers = [self.speakers.add(number) for number in range(self.people)]

    def run(self, seconds: float, levels: dict[int, int]) -> list[int]:
        for step in range(int(seconds * 50)):
            self.now += 0.02
            urgent = [Speakers.level(talker, levels.get(talker.key, ROOM), self.now) for talker in self.talkers]
            if any(urgent) or step % 5 == 0:
                self.decide()
        return self.heard

    def decide(self) -> None:
        heard = self.speakers.decide(self.now)
        self.changes += heard != self.heard
        self.heard = list(heard)


def all_of(numbers: Iterable[int], level: int) -> dict[int, int]:
    return dict.fromkeys(numbers, level)


def test_where_there_is_room_everybody_is_heard_however_quiet() -> None:
    assert sorted(Scene(3, 3).run(0.2, {})) == [0, 1, 2]


def test_of_fifty_those_are_heard_who_speak() -> None:
    scene = Scene(50, 3)
    assert sorted(scene.run(1, all_of((7, 20, 49), QUIET))) == [7, 20, 49]
    assert scene.speakers.speaking(scene.now) == [7, 20, 49]


def test_who_begins_to_speak_is_heard_within_100_ms() -> None:
    scene = Scene(50, 3)
    scene.run(2, all_of((1, 2), QUIET))
    assert 9 in scene.run(0.1, all_of((1, 2, 9), QUIET))


def test_who_was_silent_longest_makes_room() -> None:
    scene = Scene(10, 2)
    scene.run(1, all_of((1, 2), QUIET))
    scene.run(HANGOVER + 0.5, {2: QUIET})
    assert sorted(scene.run(0.2, all_of((2, 3), QUIET))) == [2, 3]


def test_pauses_between_words_change_nothing() -> None:
    scene = Scene(10, 2)
    scene.run(1, all_of((1, 2), QUIET))
    before = scene.changes
    for _ in range(10):
        scene.run(0.4, {1: QUIET, 5: QUIET, 2: QUIET})
        scene.run(0.4, {5: QUIET})
    assert sorted(scene.heard) == [1, 2]
    assert scene.changes == before


def test_only_somebody_louder_for_a_while_takes_the_place_of_a_speaker() -> None:
    scene = Scene(10, 2)
    scene.run(1, all_of((1, 2), QUIET))
    assert 3 not in scene.run(0.5, {1: QUIET, 2: QUIET, 3: LOUD})
    assert 3 in scene.run(1.5, {1: QUIET, 2: QUIET, 3: LOUD})
    assert len(scene.heard) == 2


def test_equals_do_not_chase_each_other() -> None:
    scene = Scene(20, 3)
    scene.run(1, all_of(range(3), QUIET))
    before = scene.changes
    scene.run(20, {number: QUIET + number % 3 for number in range(20)})
    assert scene.changes == before


def test_a_place_is_given_up_in_silence() -> None:
    scene = Scene(10, 2)
    scene.run(1, {1: QUIET})
    assert 1 in scene.heard
    assert 1 not in scene.run(LINGER + 1.5, {})


def test_who_is_muted_neither_speaks_nor_is_heard() -> None:
    scene = Scene(3, 3)
    scene.talkers[1].muted = True
    assert sorted(scene.run(1, all_of((0, 1), LOUD))) == [0, 2]
    assert scene.speakers.speaking(scene.now) == [0]
    scene.speakers.remove(0)
    assert scene.speakers.decide(scene.now) == [2]
