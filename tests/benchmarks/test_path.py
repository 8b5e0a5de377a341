"""The marks on the path of a message are where a message passes."""

import shutil
from pathlib import Path

import pytest
from benchmarks.gateway import path
from benchmarks.setting import Setting


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="the load generator is compiled when it is needed")
async def test_every_step_takes_some_time_and_they_add_up(tmp_path: Path) -> None:
    setting = Setting(quick=True, folder=tmp_path, cache=tmp_path)
    *steps, whole = [figure.value async for figure in path.measure(setting)]
    assert len(steps) == len(path.STEPS)
    assert all(step is not None for step in steps)
    assert whole == pytest.approx(sum(step for step in steps if step is not None), rel=0.001)
    assert whole > 500
