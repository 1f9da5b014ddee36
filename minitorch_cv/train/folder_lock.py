"""One process for one folder: a lock that ends with the process, however that ends."""

from __future__ import annotations

import os
import weakref
from pathlib import Path


class FolderInUseError(RuntimeError):
    """Another process trains in this folder."""


class FolderLock:
    """Holds a folder until `release`, the end of the process, or when nothing refers to the lock any more.

    FolderInUseError where another one holds it, in this process too. The folder itself is locked, no file in it; where
    a file system knows no locks, nothing is. Reading from the folder needs no lock.
    """

    def __init__(self, folder: Path):
        self.release = _nothing
        try:
            descriptor = locked(folder)
        except BlockingIOError:
            raise FolderInUseError(
                f"another run{holder(folder)} is writing to the folder {folder}; wait for its end or choose another one"
            ) from None
        if descriptor is not None:
            self.release = weakref.finalize(self, os.close, descriptor)


def _nothing() -> None:
    """Nothing is held."""


def locked(folder: Path) -> int | None:
    """A descriptor that holds the lock, None where there can be none; BlockingIOError where another one holds it."""
    try:
        import fcntl
    except ImportError:  # Windows, where folders cannot be opened
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def holder(folder: Path) -> str:
    """` (process 1234)`, where the system says who holds the lock."""
    try:
        inode = folder.stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, _, _, process, place, *_ = line.split()
            if kind == "FLOCK" and place.rpartition(":")[2] == str(inode):
                return f" (process {process})"
    except (OSError, ValueError):
        pass
    return ""
