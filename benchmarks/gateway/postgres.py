"""A PostgreSQL of the benchmark's own: fresh, on a free port, gone afterwards."""

import os
import pwd
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from benchmarks.server.process import running
from benchmarks.setting import Setting

_DEBIAN = Path("/usr/lib/postgresql")
_TRIES = 300


def found() -> Path | None:
    """Where PostgreSQL's programs are."""
    candidates = sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    candidates += [Path(on_path).resolve().parent] if on_path else []
    return next((path for path in candidates if (path / "postgres").exists()), None)


@asynccontextmanager
async def cluster(setting: Setting, core: int | None) -> AsyncIterator[str]:
    """The URL of an empty database. Its settings are PostgreSQL's own: every commit is on the disk."""
    programs = found()
    assert programs is not None
    with setting.room() as folder:
        owner = _owner()
        if owner:
            os.chown(folder, owner["user"], owner["group"])
            # PostgreSQL refuses to run as root, and its own user has to get here.
            setting.folder.chmod(0o711)
        data, log, port = folder / "data", folder / "postgres.log", _free_port()
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"]
        await trio.run_process(initdb, capture_stdout=True, cwd=folder, **owner)
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder)]
        command += ["-c", "listen_addresses=127.0.0.1"]
        with log.open("wb") as errors:
            async with running(command, folder, {}, core=core, errors=errors.fileno(), owner=owner):
                await _ready(programs, port)
                yield f"postgres://bench@127.0.0.1:{port}/postgres"


def _owner() -> dict[str, Any]:
    """As whom PostgreSQL runs: as us, unless we are root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _ready(programs: Path, port: int) -> None:
    ask = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(_TRIES):
        if (await trio.run_process(ask, check=False)).returncode == 0:
            return
        await trio.sleep(0.1)
    raise RuntimeError("PostgreSQL did not become ready")
