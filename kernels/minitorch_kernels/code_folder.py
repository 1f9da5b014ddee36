"""The folder for compiled kernels, and whether its content can be believed.

The folder is named after the state of all kernel sources, because a function may hold code inlined from another file.

Compiled code is read with `pickle`, which does whatever the file says. So the folder is closed to other users, and
where one of them may have written, nothing is read: `distrust` says why.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
import stat
import time
import warnings
import zlib
from pathlib import Path

MONTH = 30 * 24 * 3600  # seconds


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: by the state of the sources, in `$NUMBA_CACHE_DIR` or the user's cache."""
    stamp = 0
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        status = source.stat()
        stamp = zlib.crc32(f"{source} {status.st_mtime_ns} {status.st_size}".encode(), stamp)
    parent = cache_parent()
    folder = parent / f"kernels-{stamp:08x}"
    with contextlib.suppress(OSError):
        if folder.exists():
            os.utime(folder)  # it is in use, says this to `remove_unused`
        else:
            remove_unused(parent)
    return folder


def cache_parent() -> Path:
    """The folder for everything that is compiled: `$NUMBA_CACHE_DIR`, or in the user's cache."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    from platformdirs import user_cache_path  # here, because the engine's import would wait for it

    return user_cache_path("minitorch_cv")


def remove_unused(parent: Path) -> None:
    """Delete the user's compiled code that no process began to use in a month; what still needs it compiles again."""
    for folder in parent.glob("kernels-*"):
        with contextlib.suppress(OSError):  # another process may be deleting it too
            if time.time() - folder.stat().st_mtime > MONTH and distrust(folder) is None:
                shutil.rmtree(folder)


def distrust(place: Path | int) -> str | None:
    """Why a folder or an (open) file may hold what another user wrote; None where only this one, or root, can have.

    Windows keeps the folders of a user closed, and says nothing here. Raises OSError where there is no such place.
    """
    if not hasattr(os, "geteuid"):
        return None
    found = [os.stat(place)]
    if isinstance(place, Path):
        found.append(os.lstat(place))  # who made the link, where it is one
    for status in found:
        if status.st_uid not in (os.geteuid(), 0):
            return f"it belongs to another user, of number {status.st_uid}"
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not stat.S_ISLNK(status.st_mode):
            return f"other users may write to it: its mode is {stat.S_IMODE(status.st_mode):03o}"
    return None


def make_closed(folder: Path) -> None:
    """Make a folder, and those above it, that only this user can enter, whatever the umask.

    Raises OSError where that is not possible, and where the folder is there and another user may have written in it.
    """
    make_folder(folder)
    if (why := distrust(folder)) is not None:
        raise PermissionError(errno.EPERM, why)


def make_folder(folder: Path) -> None:
    """`Path.mkdir(parents=True)`, but the folders above it are closed as well."""
    if not folder.exists():
        make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):  # another process was first
            folder.mkdir(0o700)


_warned = False


def warn_once(folder: Path, error: OSError) -> None:
    """Say that compiled code is not kept, the first time in a process."""
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"compiled kernels cannot be kept in {folder} ({error.strerror}), so every process compiles them anew; "
            "set NUMBA_CACHE_DIR to a folder that you, and nobody else, can write to",
            stacklevel=2,
        )
