"""The machine: Python, SQLite, disk space, clock, port."""

import errno
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chatcli.health.finding import Finding, fail, ok, warn

PYTHON = (3, 11)
SQLITE = (3, 38, 0)
"""JSON operators, RETURNING, UPDATE FROM."""
LOW_BYTES = 1024**3
FULL_BYTES = 100 * 1024**2
"""With less, the server says that it is not ready."""
MAX_CLOCK_STEP = 120.0
"""Seconds that the clock may stand before the last change of a file."""


def check_python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON:
        return fail("python", found, "install Python 3.11 or later")
    return ok("python", found)


def check_sqlite() -> Finding:
    """The version that Python is linked with, and whether it can search text."""
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < SQLITE:
        return fail("sqlite", found, f"use a Python linked with SQLite {'.'.join(map(str, SQLITE))} or later")
    with closing(sqlite3.connect(":memory:")) as memory:
        try:
            memory.execute("CREATE VIRTUAL TABLE probe USING fts5 (content)")
        except sqlite3.OperationalError:
            return fail("sqlite", f"{found} without FTS5", "use a Python whose SQLite has full-text search (FTS5)")
    return ok("sqlite", f"{found} with FTS5")


def check_disk(places: dict[str, Path]) -> Iterator[Finding]:
    """The free space where things are kept; each disk once."""
    seen: set[int] = set()
    for what, place in places.items():
        folder = nearest_folder(place)
        device = folder.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(folder).free
        said = f"{free / 1024**3:.1f} GiB free for {what} in {folder}"
        if free < FULL_BYTES:
            yield fail("disk", said, "make room: the server is not ready with less than 100 MiB")
        elif free < LOW_BYTES:
            yield warn("disk", said, "make room soon")
        else:
            yield ok("disk", said)


def nearest_folder(place: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    place = place.absolute()
    return next(folder for folder in (place, *place.parents) if folder.is_dir())


def check_writable(what: str, folder: Path) -> Finding:
    """Whether files can be made there."""
    if os.access(nearest_folder(folder), os.W_OK | os.X_OK):
        return ok(what, f"{folder.absolute()} can be written")
    return fail(what, f"{folder.absolute()} cannot be written", "give the user that runs the server write permission")


def check_clock(file: Path | None) -> Finding:
    """Whether the clock stands before what was written already; order does not depend on it, tokens and times do."""
    now = datetime.now(UTC)
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    newest = None if file is None or not file.exists() else datetime.fromtimestamp(file.stat().st_mtime, UTC)
    if newest is not None and (newest - now).total_seconds() > MAX_CLOCK_STEP:
        return fail("clock", f"{said}; the database was changed at {newest:%Y-%m-%d %H:%M:%S}", "set the clock (NTP)")
    return ok("clock", said)


def check_port(host: str, port: int) -> Finding:
    """Whether a server could listen there."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return warn("port", f"{where} is taken", "by your server? Then all is well; else choose another port")
        return fail("port", f"{where}: {error.strerror}", "choose another --host or --port")
    return ok("port", f"{where} is free")
