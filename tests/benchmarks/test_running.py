from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from benchmarks.benchmark import Benchmark
from benchmarks.errors import NotHere
from benchmarks.figure import AtMost, Figure
from benchmarks.running import choose_and_run
from benchmarks.setting import Setting

from benchmarks import setting


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(setting, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


async def slow(setting: Setting) -> AsyncIterator[Figure]:
    (setting.folder / "left").write_text("behind")
    yield Figure("a slow thing", 3.0, "s", AtMost(1))


async def crash(setting: Setting) -> AsyncIterator[Figure]:
    yield Figure("before", 1.0, "s")
    raise RuntimeError("the server hung up")


async def impossible(setting: Setting) -> AsyncIterator[Figure]:
    raise NotHere("no C compiler")
    yield


ALL = (Benchmark("slow", "", slow), Benchmark("crash", "", crash), Benchmark("impossible", "", impossible))


def test_a_missed_target_is_told_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert choose_and_run("bench", ALL, ["slow"]) == 0
    assert "MISS" in capsys.readouterr().out


def test_a_crash_is_told_and_fails_the_run_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert choose_and_run("bench", ALL, []) == 1
    said = capsys.readouterr().out
    assert "the server hung up" in said
    assert "not measured  no C compiler" in said
    assert "1 below target, 1 crashed" in said


def test_an_unknown_name_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        choose_and_run("bench", ALL, ["fast"])
    assert stopped.value.code == 2
    assert "slow, crash, impossible" in capsys.readouterr().err


def test_nothing_is_left_behind(cache: Path) -> None:
    gone = cache / "run-999999999-killed"
    gone.mkdir(parents=True)
    choose_and_run("bench", ALL, ["slow", "--quick"])
    assert list(cache.iterdir()) == []
