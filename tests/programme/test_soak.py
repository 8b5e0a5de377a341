"""Two minutes, the start and the end included, of what `make soak` does for two hours."""

import shutil
from pathlib import Path

import pytest
from benchmarks.setting import Setting
from benchmarks.soak.soak import measure

SECONDS = 80
P99_MS = 1000
"""On a machine that does other things, too; what it should be is for `make soak` to say."""


@pytest.mark.programme
@pytest.mark.own_storage
@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="the load generator is compiled when it is needed")
async def test_nothing_is_lost_and_nothing_is_left(tmp_path: Path) -> None:
    setting = Setting(quick=True, folder=tmp_path, cache=tmp_path)
    found = {figure.name.partition(": ")[2]: figure async for figure in measure(setting, SECONDS)}
    for name in ("deliveries that failed", "descriptors left", "tasks left"):
        assert found[name].verdict == "ok", found[name]
    assert found["connections that came and went"].value > 500
    assert found["p99 of the median slice"].value < P99_MS
    assert found["resident at the end"].value < 150
