"""The load generator against a real server: what it counts is what was sent."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from benchmarks.gateway.loader import Loader, loading
from benchmarks.gateway.ours import ours
from benchmarks.gateway.stage import Stage
from benchmarks.setting import Setting

PEOPLE = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("cc"), reason="the load generator is compiled when it is needed"),
]


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(quick=True, folder=tmp_path, cache=tmp_path)


@pytest.fixture
async def stage(setting: Setting) -> AsyncIterator[Stage]:
    async with ours(setting, PEOPLE) as stage:
        yield stage


@pytest.fixture
async def load(setting: Setting, stage: Stage) -> AsyncIterator[Loader]:
    async with loading(setting, stage) as load:
        await load.open(PEOPLE)
        yield load


async def test_everyone_gets_every_message_once_and_in_order(load: Loader) -> None:
    answer = await load.flow(2, 50, 1)
    assert answer["sent"] == pytest.approx(50, abs=1)
    assert answer["received"] == answer["sent"] * PEOPLE
    assert answer["least"] == answer["greatest"] == answer["sent"]
    assert answer["replies"] == answer["sent"]
    assert answer["refusals"] == answer["disorder"] == answer["closed"] == 0
    assert 0 < answer["p50"] <= answer["p99"] <= answer["most"]


async def test_one_in_flight_waits_for_everyone(load: Loader) -> None:
    answer = await load.flow(1, 0, 0.5)
    assert answer["sent"] > 1
    assert answer["received"] == answer["sent"] * PEOPLE


async def test_those_who_come_back_get_what_they_missed(setting: Setting, stage: Stage, load: Loader) -> None:
    await load.flow(1, 20, 0.5)
    await load.drop()
    async with loading(setting, stage) as sender:
        await sender.open(1)
        missed = (await sender.flow(1, 20, 0.5))["sent"]
    answer = await load.resume(missed, 10)
    assert answer["whole"] == answer["resumed"] == PEOPLE
    assert answer["twice"] == answer["disorder"] == answer["failed"] == 0


async def test_a_connection_that_is_refused_is_no_connection(setting: Setting, stage: Stage, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.write_text("not.a.token\n")
    async with loading(setting, stage, forged) as load:
        with pytest.raises(RuntimeError, match="only 0 of 1"):
            await load.open(1)
