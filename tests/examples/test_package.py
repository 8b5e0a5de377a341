"""The plugin that is a package: built, installed, found, and tried by its own test, all from its wheel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "examples" / "plugin_package"


@pytest.mark.slow
def test_the_package_works_from_its_wheel(tmp_path: Path) -> None:
    python = [sys.executable, "-m"]
    built = subprocess.run(
        [*python, "build", "--no-isolation", "--wheel", "--outdir", tmp_path, PACKAGE], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    pip = [*python, "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run(pip, check=True, timeout=60)
    environ = {**os.environ, "PYTHONPATH": str(site)}
    listed = subprocess.run(
        [Path(sys.executable).with_name("chatcore"), "plugins", "list"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "chat_shortcuts" in listed.stdout, listed.stdout + listed.stderr
    # Its tests alone, from a place where this repository's settings are not found.
    tests = tmp_path / "tests"
    tests.symlink_to(PACKAGE / "tests")
    run = [*python, "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tests]
    done = subprocess.run(run, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
