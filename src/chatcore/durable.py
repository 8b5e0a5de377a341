"""Files that appear under their name once they are whole, and keep it when the power fails."""

import errno
import os
from pathlib import Path


def put_in_place(part: Path, path: Path) -> None:
    """Give the finished file `part` the name `path`, in the same folder, in place of what had it.

    Once this returns, that holds after a power failure too; before, the name is that of nothing or of what was there.
    It waits for the disk: for a thread. Raises OSError.
    """
    _onto_disk(part)
    os.replace(part, path)
    try:
        _onto_disk(path.parent)  # where the name is written
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems of networks, which sync no folder
            raise


def _onto_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
