"""Compiled code on disk: one file for each function, argument types and processor, whole or not there at all.

Numba's own cache keeps an index beside the code. Two processes that write to it at once can leave an index entry that
leads to the other's code, a file cut short stops the program, and a folder that cannot be written to does, too. Here
the name of a file says what is in it, and it begins with a checksum of both; it is written beside its place and then
renamed. Code that cannot be read, or that another user may have written, is compiled again; code that cannot be kept is
compiled in every process, and a warning says so once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import serialize
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult

from .code_folder import distrust, make_closed, warn_once

DIGEST = hashlib.sha256().digest_size


class CodeCache(_Cache):
    """The compiled versions of one function, in `folder`. missing: called before one has to be compiled."""

    def __init__(self, function: Callable[..., Any], folder: Path, missing: Callable[[str], None]):
        self.name = function.__name__
        self.source = f"{function.__module__}.{function.__qualname__}", stamp(function.__code__.co_filename)
        self.folder = folder
        self.missing = missing

    @property
    def cache_path(self) -> str:
        return str(self.folder)

    def path(self, signature: Any, target: Any) -> Path:
        """The file for these argument types on this processor, `target` being what generates its code."""
        key = repr((self.source, signature, target.magic_tuple(), numba.__version__))
        return self.folder / f"{self.name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None where no whole file has it."""
        target_context.refresh()
        data = read(self.path(sig, target_context.codegen()))
        if data is None:
            self.missing(self.name)
            return None
        return CompileResult._rebuild(target_context, *pickle.loads(data))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, where that is possible."""
        if not data.library.has_dynamic_globals:
            try:
                write(self.path(sig, data.codegen), serialize.dumps(data._reduce()))
            except OSError as error:
                warn_once(self.folder, error)

    def enable(self) -> None:
        """There is nothing to switch on."""

    def disable(self) -> None:
        """Nor off."""

    def flush(self) -> None:
        """Nothing waits to be written."""


@functools.cache
def stamp(source: str) -> str:
    """What a source file says now, as a checksum."""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()


def read(path: Path) -> bytes | None:
    """What `write` wrote, or None where the file is not there, cannot be read, is damaged or may be another user's."""
    try:
        if distrust(path.parent) is not None:
            return None
        with open(path, "rb", opener=open_no_link) as file:
            if distrust(file.fileno()) is not None:
                return None
            content = file.read()
    except OSError:
        return None
    digest, data = content[:DIGEST], content[DIGEST:]
    return data if checksum(path, data) == digest else None


def open_no_link(path: str, flags: int) -> int:
    """Open a file, but not what a symbolic link in its place leads to."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def checksum(path: Path, data: bytes) -> bytes:
    """Of the data and of the name it is kept under, so that no file can take the place of another."""
    return hashlib.sha256(path.name.encode() + b"\0" + data).digest()


def write(path: Path, data: bytes) -> None:
    """Put the data in its place in one step, so that nobody ever sees half of it.

    Raises OSError where that is not possible, and where another user may have written in the folder.
    """
    make_closed(path.parent)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(checksum(path, data) + data)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
