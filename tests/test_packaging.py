"""What people install: the wheel serves by itself, and the lock files pin what pyproject.toml asks for."""

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import venv
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ON_REQUEST = {"chat_webhooks_in", "chat_webhooks_out"}
"""Plugins without an entry point: they open something to the network, so an operator has to name them."""
LOCKS = ("requirements.lock", "requirements-dev.lock")
READY = re.compile(r"^Chatcore is ready on (http://\S+:\d+)$")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    """Package to version, as the lock file has them."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, so that both are known to be whole."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an empty environment into which the wheel was installed, with what it asks for.

    The versions are those of the lock, so that a release elsewhere in the world does not change the outcome.
    """
    home = tmp_path_factory.mktemp("empty")
    venv.create(home / "venv", with_pip=False, symlinks=True)
    commands = home / "venv" / "bin"
    constraints = home / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in pins("requirements.lock").items()))
    pip = [sys.executable, "-m", "pip", "--python", str(commands / "python"), "--disable-pip-version-check"]
    install = ["install", "--quiet", "--only-binary", ":all:", "--constraint", str(constraints), str(wheel)]
    done = subprocess.run([*pip, *install], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return commands


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """An environment that knows nothing of the checkout or of this run's settings."""
    return {"PATH": os.defpath, "HOME": str(tmp_path), "LANG": "C.UTF-8"}


def test_wheel_carries_every_package_and_migration(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        path.relative_to(ROOT / folder).as_posix()
        for folder in ("src", "plugins", "cli")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    migrations = {
        f"chat_storage_{path.parent.name}/migrations/{path.name}" for path in (ROOT / "migrations").glob("*/*.sql")
    }
    assert {
        f"chat_storage_{dialect}/migrations/0001_initial.up.sql" for dialect in ("sqlite", "postgres")
    } <= migrations
    assert {"chatcore/py.typed", "chatserver/py.typed"} <= inside
    assert not (sources | migrations) - inside
    assert not {name for name in inside if name.startswith(("tests/", "benchmarks/", "examples/"))}


def test_every_plugin_is_found_typed_and_fenced() -> None:
    project = pyproject()
    plugins = {path.name for path in (ROOT / "plugins").glob("chat_*") if path.is_dir()}
    contracts = {contract["id"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    assert project["project"]["entry-points"]["chatcore.plugins"] == {name: name for name in plugins - ON_REQUEST}
    assert plugins <= set(project["tool"]["mypy"]["packages"])
    assert plugins <= set(project["tool"]["importlinter"]["root_packages"])
    assert plugins <= set(contracts["no-plugin-in-core"]["forbidden_modules"])
    assert plugins <= set(contracts["plugins-apart"]["modules"])


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_names_no_place_to_download_from(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert " @ " not in text
    assert not re.findall(
        r"^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links|--trusted-host)\b", text, re.MULTILINE
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_has_a_hash_for_every_package(lock: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    assert len(entries) == len(pins(lock))
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(("lock", "left_out"), [("requirements.lock", {"dev"}), ("requirements-dev.lock", set())])
def test_lock_pins_what_the_project_asks_for(lock: str, left_out: set[str]) -> None:
    project, pinned = pyproject()["project"], pins(lock)
    extras = {name: lines for name, lines in project["optional-dependencies"].items() if name not in left_out}
    asked = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}: make lock"
        assert requirement.specifier.contains(version), f"{lock} has {version} for {requirement}: make lock"


def test_both_locks_pin_the_same_versions() -> None:
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert run == {name: dev.get(name) for name in run}


@pytest.mark.slow
def test_installed_wheel_is_independent_of_the_checkout(installed: Path, alone: dict[str, str], tmp_path: Path) -> None:
    script = (
        "import importlib.metadata as m, json, chatcore;"
        "points = m.entry_points(group='chatcore.plugins');"
        "print(json.dumps([chatcore.__file__, *(point.load().__file__ for point in points)]))"
    )
    shown = subprocess.run(
        [installed / "python", "-c", script], env=alone, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    files = [Path(file) for file in json.loads(shown.stdout)]
    plugins = pyproject()["project"]["entry-points"]["chatcore.plugins"]
    assert {file.parent.name for file in files} == {"chatcore", *plugins}
    assert all(file.is_relative_to(installed.parent) for file in files)


async def ready_address(process: trio.Process) -> str:
    """The address in the line that says that the server accepts connections; fails when the process ends without it."""
    assert process.stdout is not None
    seen = b""
    async for chunk in process.stdout:
        seen += chunk
        for line in seen.decode().splitlines():
            if match := READY.match(line):
                return match[1]
    raise AssertionError(f"the server ended before it was ready; it printed {seen!r}")


@pytest.mark.slow
async def test_installed_wheel_serves_and_stops(
    installed: Path, alone: dict[str, str], tmp_path: Path, nursery: trio.Nursery
) -> None:
    command = [str(installed / "chatcore"), "serve", "--port", "0"]
    serve = partial(
        trio.run_process, command, env=alone, cwd=tmp_path, stdout=subprocess.PIPE, capture_stderr=False, check=False
    )
    process: trio.Process = await nursery.start(serve)
    with trio.fail_after(20):
        address = await ready_address(process)
        async with httpx.AsyncClient(base_url=address) as client:
            health = await client.get("/api/health")
    assert health.status_code == 200, health.text
    process.send_signal(signal.SIGTERM)
    with trio.fail_after(20):
        assert await process.wait() == 0
    assert (tmp_path / "chat.db").is_file()
