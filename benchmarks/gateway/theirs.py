"""The stage of the stack that the specification names: Node, Express, Socket.IO, PostgreSQL."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import jwt

from benchmarks.cores import two_cores
from benchmarks.errors import NotHere
from benchmarks.gateway import postgres
from benchmarks.gateway.stage import Stage, write_tokens
from benchmarks.server.process import running
from benchmarks.setting import Setting

STACK = Path(__file__).parent / "stack"
_SECRET = "a secret of the benchmark, for nobody else"
_READY = re.compile(rb"ready (\d+)")


@asynccontextmanager
async def theirs(setting: Setting, people: int) -> AsyncIterator[Stage]:
    """One process on one core; the database, in processes of its own, shares the other core with the load.

    Raises NotHere without Node or npm.
    """
    program = _installed(setting)
    core, other = two_cores()
    ids, channel_id = [str(uuid4()) for _ in range(people)], str(uuid4())
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(setting.room())
        database = await stack.enter_async_context(postgres.cluster(setting, other)) if postgres.found() else None
        settings = {"secret": _SECRET, "channelId": channel_id, "people": ids, "database": database}
        command, environ = ["node", str(program)], {"NODE_ENV": "production"}
        process, _ = await stack.enter_async_context(running(command, folder, environ, core=core, errors=None))
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(json.dumps(settings).encode())
        await process.stdin.aclose()
        said = b""
        while (match := _READY.search(said)) is None:
            chunk = await process.stdout.receive_some()
            if not chunk:
                raise RuntimeError(f"the stack did not become ready: {said.decode(errors='replace')}")
            said += chunk
        tokens = [jwt.encode({"sub": id_}, _SECRET, algorithm="HS256") for id_ in ids]
        yield Stage(
            dialect="socket.io",
            port=int(match[1]),
            pid=process.pid,
            workspace_id="-",
            channel_id=channel_id,
            tokens=write_tokens(folder, tokens),
        )


def _installed(setting: Setting) -> Path:
    """Our server.js beside the packages that it needs, which npm fetches once."""
    sources = [STACK / "package.json", STACK / "server.js"]
    key = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    home = setting.cache / f"stack-{key}"
    if home.exists():
        return home / "server.js"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotHere("the stack to compare with needs Node 20 and npm (Debian: apt-get install nodejs npm)")
    made = setting.folder / "stack"
    made.mkdir()
    for source in sources:
        shutil.copy(source, made)
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    if subprocess.run([npm, "install", *options], cwd=made, check=False).returncode:
        raise NotHere("npm could not fetch the packages of the stack to compare with")
    os.replace(made, home)
    return home / "server.js"
