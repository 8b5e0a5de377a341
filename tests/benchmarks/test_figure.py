import pytest
from benchmarks.figure import AtLeast, AtMost, Figure, missing, rounded
from benchmarks.table import header, line


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("a", 2.0, "ms", AtMost(2)), "ok"),
        (Figure("a", 2.1, "ms", AtMost(2)), "MISS"),
        (Figure("a", 5000, "/s", AtLeast(5000)), "ok"),
        (Figure("a", 4999, "/s", AtLeast(5000)), "MISS"),
        (Figure("a", 1.0, "ms"), ""),
        (missing("a", "no compiler"), "not measured"),
    ],
)
def test_a_target_belongs_to_those_who_reach_it(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.3579, "0.358"), (1.654, "1.65"), (12.04, "12.0"), (5000.0, "5,000"), (1234567.8, "1,234,568"), (2.0, "2")],
)
def test_figures_are_shown_with_three_digits(value: float, shown: str) -> None:
    assert rounded(value) == shown


def test_lines_stand_under_their_headings() -> None:
    heading = header().splitlines()[0]
    shown = line(Figure("history page", 1.5, "ms", AtMost(10)))
    for column, text in {"unit": "ms", "target": "≤ 10", "verdict": "ok"}.items():
        assert shown[heading.index(column) :].startswith(text)


def test_what_could_not_be_measured_says_why() -> None:
    assert line(missing("idle", "no C compiler")).endswith("not measured  no C compiler")
