"""Files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tmp"  # ends the name of a file that is being written


def write_whole(path: Path, content: bytes) -> None:
    """Put content into a temporary file beside `path`, on disk to the last byte, and rename it.

    Whenever the power fails or the process is killed, `path` holds what it held before or all of the content. The
    temporary file is new, under a name that nobody can guess, so that no link that lies there is followed. OSError
    where the disk is full or the folder is gone or read-only; `path` is then as it was.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):  # which would hide the first one
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the folder's list of names written to disk, where the system lets folders be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
