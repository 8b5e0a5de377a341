"""The secret that tokens are signed with: there, long enough, and nobody else's to read."""

import stat
from pathlib import Path

from chatcli.health.finding import Finding, fail, ok, warn
from chatcore.config import Config

GENERATED = "chatcore.secret"
"""The file beside the database that the first start makes when no secret is configured."""
MIN_BYTES = 16


def check_secret(config: Config, data_dir: Path | None) -> Finding:
    if config.secret is not None:
        if len(config.secret.encode("utf-8", "surrogateescape")) < MIN_BYTES:
            return fail("secret", "CHATCORE_SECRET is too short", "set one of `openssl rand -hex 32`")
        return ok("secret", "from CHATCORE_SECRET")
    if config.secret_file is not None:
        return _file(Path(config.secret_file), must_exist=True)
    if data_dir is None:
        return warn("secret", "made anew at each start", "set CHATCORE_SECRET, so that people stay signed in")
    return _file(data_dir / GENERATED, must_exist=False)


def _file(path: Path, *, must_exist: bool) -> Finding:
    try:
        mode = path.stat().st_mode
        size = len(path.read_bytes().strip())
    except FileNotFoundError:
        if must_exist:
            return fail("secret", f"there is no file {path}", "make it, or correct CHATCORE_SECRET_FILE")
        return ok("secret", f"{path} will be made at the first start")
    except OSError as error:
        return fail("secret", f"{path}: {error.strerror}", "let the user that runs the server read it")
    if size < MIN_BYTES:
        return fail("secret", f"{path} is too short", "put the output of `openssl rand -hex 32` there")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        said = f"{path} can be read by others (mode {stat.S_IMODE(mode):o})"
        return fail("secret", said, f"chmod 600 {path}: who reads it can sign in as anybody")
    return ok("secret", f"{path}, mode {stat.S_IMODE(mode):o}")
