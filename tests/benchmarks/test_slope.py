import pytest
from benchmarks.soak.slope import percent_an_hour


def test_a_percent_an_hour_is_a_percent_an_hour() -> None:
    assert percent_an_hour([(0, 100), (3600, 101)]) == pytest.approx(0.995, abs=0.01)
    assert percent_an_hour([(0, 50), (60, 50), (120, 50)]) == 0
    assert percent_an_hour([(0, 200), (1800, 190)]) < -10


def test_one_moment_has_no_slope() -> None:
    with pytest.raises(ValueError, match="two moments"):
        percent_an_hour([(5, 1), (5, 2)])
