"""The secret of an installation."""

import logging
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat_auth_password.secret import FILE_NAME, load_secret
from chatcore.config import Config
from chatcore.errors import ConfigError


def test_the_configured_secret_wins(tmp_path: Path) -> None:
    assert load_secret(Config(secret="sixteen bytes ok"), tmp_path) == b"sixteen bytes ok"
    assert list(tmp_path.iterdir()) == []


def test_a_secret_file_is_read_without_its_line_break(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from the secret store\n")
    assert load_secret(Config(secret_file=str(path)), None) == b"from the secret store"


def test_in_memory_it_is_new_each_time() -> None:
    first = load_secret(Config(), None)
    assert len(first) == 32
    assert first != load_secret(Config(), None)


def test_it_is_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        first = load_secret(Config(), tmp_path)
    finally:
        os.umask(old)
    assert load_secret(Config(), tmp_path) == first
    assert len(first) == 64
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_servers_that_start_at_once_end_up_with_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: load_secret(Config(), tmp_path), range(64)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_file_that_others_can_read_is_called_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_secret(Config(), tmp_path)
    assert caplog.records == []
    (tmp_path / FILE_NAME).chmod(0o644)
    load_secret(Config(), tmp_path)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "chmod 600" in record.getMessage()


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        (Config(secret=""), r"CHATCORE_SECRET: must be at least 16 bytes"),
        (Config(secret="short"), r"CHATCORE_SECRET: must be at least 16 bytes"),
        (Config(secret_file="/nonexistent/secret"), r"CHATCORE_SECRET_FILE: cannot read /nonexistent/secret"),
        (Config(secret_file="/"), r"CHATCORE_SECRET_FILE: cannot read /"),
        (Config(secret_file="/dev/null"), r"CHATCORE_SECRET_FILE \(/dev/null\): must be at least"),
    ],
)
def test_a_bad_secret_stops_the_start(config: Config, advice: str) -> None:
    with pytest.raises(ConfigError, match=advice):
        load_secret(config, None)


def test_a_place_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot write .*; set CHATCORE_SECRET instead"):
        load_secret(Config(), tmp_path / "missing")
