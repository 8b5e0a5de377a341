"""A file has its name for good, or not at all."""

import errno
import os
from pathlib import Path
from stat import S_ISDIR

import pytest

from chatcore.durable import put_in_place


class Disk:
    """What is asked of the system, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, folders: OSError | None = None) -> None:
        self.asked: list[str] = []
        fsync, replace = os.fsync, os.replace

        def sync(descriptor: int) -> None:
            folder = S_ISDIR(os.fstat(descriptor).st_mode)
            self.asked.append("sync folder" if folder else "sync file")
            if folder and folders is not None:
                raise folders
            fsync(descriptor)

        def rename(old: Path, new: Path) -> None:
            self.asked.append("rename")
            replace(old, new)

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "replace", rename)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a.part").write_text("new")
    return tmp_path / "a.part"


def test_its_text_is_on_the_disk_before_its_name_and_then_the_name(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    put_in_place(part, part.with_name("a"))
    assert disk.asked == ["sync file", "rename", "sync folder"]
    assert part.with_name("a").read_text() == "new"
    assert not part.exists()


def test_a_file_system_that_syncs_no_folder_is_good_enough(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, folders=OSError(errno.EINVAL, "Invalid argument"))
    put_in_place(part, part.with_name("a"))
    assert part.with_name("a").read_text() == "new"


def test_a_disk_that_fails_is_said(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Disk(monkeypatch, folders=OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output"):
        put_in_place(part, part.with_name("a"))
