"""The secret that tokens are signed with: from the configuration, or made once and kept beside the database."""

import logging
import os
import secrets
from pathlib import Path

from chatcore.config import Config
from chatcore.errors import ConfigError

FILE_NAME = "chatcore.secret"
MIN_SECRET = 16
"""In bytes. Who can guess the secret can sign in as anybody."""

log = logging.getLogger("chatcore.auth.password")


def load_secret(config: Config, data_dir: Path | None) -> bytes:
    """The secret: `CHATCORE_SECRET`, else what `CHATCORE_SECRET_FILE` holds, else the file beside the database.

    That file is made on first use. Without a directory (`memory:`) the secret lives as long as the process.
    Blocks on files. Raises ConfigError.
    """
    if config.secret is not None:
        return _checked(config.secret.encode("utf-8", "surrogateescape"), "CHATCORE_SECRET")
    if config.secret_file is not None:
        path = Path(config.secret_file)
        return _checked(_read(path, "CHATCORE_SECRET_FILE"), f"CHATCORE_SECRET_FILE ({path})")
    if data_dir is None:
        return secrets.token_bytes(32)
    path = data_dir / FILE_NAME
    if not os.path.exists(path):  # False, too, where nothing may be looked up: then making it says why
        _create(path)
    secret = _checked(_read(path, str(path)), str(path))
    if path.stat().st_mode & 0o077:
        log.warning("%s can be read by others, who could sign in as anybody: chmod 600 it", path)
    return secret


def is_on_disk(config: Config, data_dir: Path | None) -> bool:
    """Whether `load_secret` has a file to read or to make."""
    return config.secret is None and (config.secret_file is not None or data_dir is not None)


def _checked(secret: bytes, name: str) -> bytes:
    if len(secret) < MIN_SECRET:
        raise ConfigError(f"{name}: must be at least {MIN_SECRET} bytes; `openssl rand -hex 32` makes a good one")
    return secret


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"{name}: cannot read {path}: {error.strerror}") from None


def _create(path: Path) -> None:
    """Make the file, complete or not at all. When another process is faster, its file stays.

    The text is written to a file of its own first and then linked to its name, which fails when the name is taken: so
    nobody can read half a secret, and two servers that start at once end up with the same one.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; set CHATCORE_SECRET instead") from None
