import pytest
from benchmarks.spread import spread


def test_percentiles_are_values_that_occurred() -> None:
    seen = spread(list(range(100, 0, -1)))
    assert (seen.p50, seen.p95, seen.p99) == (50, 95, 99)


def test_one_value_is_every_percentile() -> None:
    seen = spread([7.0])
    assert (seen.p50, seen.p95, seen.p99) == (7.0, 7.0, 7.0)


def test_nothing_has_no_spread() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])
