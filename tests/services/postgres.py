"""A real PostgreSQL in a temporary folder, reached by a socket there, for as long as the tests of one process run."""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import attrs

PATIENCE = 60.0
"""Seconds that the server may take to begin, or to end. A busy machine takes its time."""
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "max_wal_size=2GB")
"""Settings for tests in which nothing is killed: what they write need not outlive the machine."""
DURABLE = ("fsync=on",)
# With foreign keys and triggers asleep, so that the order is of no consequence. The first emoji come back.
_WIPE = """
    SET session_replication_role = replica; SET lock_timeout = '5s';
    DO $$
    DECLARE name text;
    BEGIN
        CREATE TABLE IF NOT EXISTS kept_presets AS SELECT * FROM emoji_presets;
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
            AND tablename NOT IN ('schema_migrations', 'plugin_migrations', 'kept_presets')
        LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
        INSERT INTO emoji_presets SELECT * FROM kept_presets;
    END
    $$
"""


def programs() -> Path:
    """Where PostgreSQL's programs are; Debian keeps them off the path."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    candidates = sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    candidates += [Path(on_path).resolve().parent] if on_path else []
    found = next((path for path in candidates if (path / "postgres").exists()), None)
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return found


def owner() -> dict[str, Any]:
    """As whom the server runs: as us, unless we are root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@attrs.define(eq=False)
class Postgres:
    """A server process; it can be stopped, killed and started again. `folder` holds its data, socket and log."""

    folder: Path
    settings: tuple[str, ...] = QUICK
    port: int = attrs.field(factory=_free_port)
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1))

    def url(self, database: str = "postgres") -> str:
        """The URL of a database, by the socket in the folder."""
        return f"postgresql://chat@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str = "postgres", port: int | None = None) -> str:
        """The URL of a database over TCP, by a port of one's own choice (that of a proxy)."""
        return f"postgresql://chat@127.0.0.1:{port or self.port}/{database}"

    def create(self) -> None:
        """Make the cluster: as a copy of the model, which takes a tenth of what `initdb` takes."""
        self._hand_over()
        subprocess.run(["cp", "-a", str(_model()), str(self.data)], check=True)

    def init(self) -> None:
        """Make the cluster from nothing."""
        self._hand_over()
        command = ["initdb", "-D", str(self.data), "-U", "chat", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run([*command, "--no-sync"])

    def copy(self, primary: "Postgres") -> None:
        """Make the cluster as a standby of another."""
        self._hand_over()
        options = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
        self._run(["pg_basebackup", "-d", primary.url(), "-D", str(self.data), *options])

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(programs() / "postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder)]
        for setting in ("listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=64MB", *self.settings):
            command += ["-c", setting]
        with open(self.folder / "postgres.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **owner())
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        ask = [str(programs() / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        deadline = time.monotonic() + PATIENCE
        while subprocess.run(ask, check=False).returncode:
            log = (self.folder / "postgres.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, f"PostgreSQL did not begin: {log}"
            assert self.process is not None
            assert self.process.poll() is None, f"PostgreSQL ended: {log}"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: with SIGINT at once but in order, with SIGQUIT as a crash does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Execute statements, and give what they print."""
        return self._run(["psql", "-XqtA", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement])

    def new_database(self, template: str = "template0") -> str:
        """A database of one's own, like the template; its URL."""
        name = f"chat{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def wipe(self, database: str) -> None:
        """Empty the tables of a database that has our schema. It takes a tenth of what a new database takes."""
        self.sql(_WIPE, database)

    def _hand_over(self) -> None:
        """Give the folder to whoever runs the server."""
        who = owner()
        if who:
            os.chown(self.folder, who["user"], who["group"])

    def _run(self, command: list[str]) -> str:
        program, *options = command
        done = subprocess.run(
            [str(programs() / program), *options],
            capture_output=True,
            text=True,
            cwd=self.folder,
            # An operator may write where others may not.
            env={**os.environ, "PGOPTIONS": "-c default_transaction_read_only=off"},
            **owner(),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@cache
def _model() -> Path:
    """The data of a cluster that nobody uses, made once in each process."""
    folder = Path(tempfile.mkdtemp(prefix="pg-model-"))
    atexit.register(shutil.rmtree, folder)
    model = Postgres(folder)
    model.init()
    return model.data


@contextmanager
def running_postgres(*settings: str) -> Iterator[Postgres]:
    """A PostgreSQL of one's own, to be treated badly. By default it is quick and forgets what a crash takes."""
    # Not under pytest's folder: the path of a socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        postgres = Postgres(Path(folder), settings or QUICK)
        postgres.create()
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()


@contextmanager
def running_standby(primary: Postgres, *settings: str, synchronous: bool = False) -> Iterator[Postgres]:
    """A standby that follows by streaming. `synchronous`: it has every commit before that is acknowledged."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        standby = Postgres(Path(folder), (*primary.settings, *settings))
        standby.copy(primary)
        standby.start()
        if synchronous:
            primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.sql("SELECT pg_reload_conf()")
        try:
            yield standby
        finally:
            standby.stop(signal.SIGQUIT)
