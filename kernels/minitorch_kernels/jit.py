"""`@jit`: Numba's compiler, loaded when the first kernel runs.

Importing the engine must not pay for importing Numba, which takes longer than all the rest. `jit` therefore keeps the
plain function and compiles it at its first call. Inside a compiled function, `prange` splits a loop over the threads;
until Numba is loaded the name is Python's `range`.

Compiled code is kept on disk (`code_folder`, `code_cache`). Where it has to be compiled first, a line says what is
waited for. Kernels may be called from any thread (`threads`).
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import threads
from .code_folder import cache_folder

prange = range

_numba: Any = None
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
        self.built: Any = None

    def __call__(self, *args: Any) -> Any:
        dispatcher = self.dispatcher
        if threads.forking:
            threads.stand_back()
        with threads.caller.turn:
            return dispatcher(*args)

    @property
    def dispatcher(self) -> Any:
        """What Numba makes of the function. It is not locked while it is made: two of them would do the same."""
        if self.built is None:
            self.built = self.build()
        return self.built

    def build(self) -> Any:
        """Decorate the function as if Numba had been there from the start."""
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


def load_numba() -> Any:
    """Import Numba and start its threads, with oneTBB's library loaded first so that Numba finds that layer."""
    global _numba
    if _numba is None:
        with threads.loading:
            if _numba is None:  # still, when it is this thread's turn
                library = tbb_library()
                if library is not None:
                    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
                import numba

                threads.start(numba)
                for register in _on_load:
                    register()
                _numba = numba
    return _numba


def when_numba_loads(register: Callable[[], None]) -> Callable[[], None]:
    """Call `register()` right after Numba is imported, to give compiled code its own version of a plain function."""
    _on_load.append(register)
    if _numba is not None:
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
