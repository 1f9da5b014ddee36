"""`@jit`: Numba's compiler, loaded when the first kernel runs.

Importing the engine must not pay for importing Numba, which takes longer than all the rest. `jit` therefore keeps the
plain function and compiles it at its first call. Inside a compiled function, `prange` splits a loop over the threads;
until Numba is loaded the name is Python's `range`.

Compiled code is kept on disk (`code_cache`), in a folder named after the state of all kernel sources, because a
function may hold code inlined from another file. Where it has to be compiled first, a line says what is waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

prange = range

_loading = threading.RLock()
_on_load: list[Callable[[], None]] = []


def jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile `function` with `numba.njit(**options)` at its first call, and keep what came out.

    Used as `@jit` or `@jit(parallel=True, fastmath={"contract"})`. Division by zero gives Inf or NaN, as in NumPy.
    """
    if function is None:
        return lambda f: LazyFunction(f, options)
    return LazyFunction(function, options)


class LazyFunction:
    """A Python function that becomes a Numba dispatcher when first called, from Python or from compiled code."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        functools.update_wrapper(self, function)
        self.function = function
        self.options = options

    def __call__(self, *args: Any) -> Any:
        return self.dispatcher(*args)

    @functools.cached_property
    def dispatcher(self) -> Any:
        numba = load_numba()
        if "prange" in self.function.__globals__:
            self.function.__globals__["prange"] = numba.prange
        dispatcher = numba.njit(error_model="numpy", **self.options)(self.function)
        if dispatcher is not self.function:  # as it is with NUMBA_DISABLE_JIT
            from .code_cache import CodeCache

            dispatcher._cache = CodeCache(self.function, cache_folder(), about_to_compile)
        return dispatcher

    @property
    def _numba_type_(self) -> Any:
        """How Numba sees this object where another compiled function calls it."""
        return load_numba().typeof(self.dispatcher)


@functools.cache
def load_numba() -> Any:
    """Import Numba, with oneTBB's library loaded first so that Numba finds its thread-safe, fork-safe layer."""
    with _loading:
        library = tbb_library()
        if library is not None:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        import numba

        for register in _on_load:
            register()
        return numba


def when_numba_loads(register: Callable[[], None]) -> Callable[[], None]:
    """Call `register()` right after Numba is imported, to give compiled code its own version of a plain function."""
    _on_load.append(register)
    if load_numba.cache_info().currsize:
        register()
    return register


def tbb_library() -> Path | None:
    """The shared library that the `tbb` package installed, or None."""
    from importlib import metadata

    try:
        files = metadata.files("tbb") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name.startswith("libtbb.so.12"):
            path = Path(str(file.locate())).resolve()
            if path.exists():
                return path
    return None


@functools.cache
def cache_folder() -> Path:
    """Where compiled kernels are kept: by the state of the sources, in `$NUMBA_CACHE_DIR` or the user's cache."""
    stamp = 0
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        status = source.stat()
        stamp = zlib.crc32(f"{source} {status.st_mtime_ns} {status.st_size}".encode(), stamp)
    parent = cache_parent()
    folder = parent / f"kernels-{stamp:08x}"
    if not folder.exists():
        remove_unused(parent)
    return folder


def cache_parent() -> Path:
    """The folder for everything that is compiled: `$NUMBA_CACHE_DIR`, or in the user's cache."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    from platformdirs import user_cache_path  # here, because the engine's import would wait for it

    return user_cache_path("minitorch_cv")


def remove_unused(parent: Path) -> None:
    """Delete compiled code that was last added to more than a month ago; what still needs it compiles again."""
    for folder in parent.glob("kernels-*"):
        with contextlib.suppress(OSError):  # another process may be deleting it too
            if time.time() - folder.stat().st_mtime > 30 * 24 * 3600:
                shutil.rmtree(folder)


_callback: Callable[[str], None] | None = None


def on_compile(callback: Callable[[str], None]) -> None:
    """Call `callback(name)` before each function that has to be compiled, in place of the line on standard error."""
    global _callback
    _callback = callback


def about_to_compile(name: str) -> None:
    """Let the user know what is waited for."""
    if _callback is not None:
        _callback(name)
    else:
        explain_the_wait()


@functools.cache
def explain_the_wait() -> None:
    """One line for the whole process."""
    print("compiling kernels for this machine (first run only, up to half a minute) ...", file=sys.stderr, flush=True)
