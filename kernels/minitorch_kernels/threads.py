"""Threads that call kernels: how they share Numba's own threads, and what is left of both after a fork.

Numba hands the loops of a parallel kernel to a *layer* of threads. The layers `tbb` and `omp` serve any number of
callers at once. `workqueue`, which is all there is where neither can be had, ends the process at the second, so there
kernels take turns.

A forked process has one thread, the one that forked, and memory as it was at that moment. What another thread was
about to change stays half changed, and a lock that it held is never released. So a fork waits until no thread is inside
a kernel, be it computing or compiling, and takes the locks that are left. The layer's threads are gone as well.
`workqueue` starts new ones, and so does `tbb`, if the thread that forks is the one that started it and the only one
that uses it. Otherwise the loops of the new process run on `workqueue`: all loops are started through one pointer.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

PATIENCE = 60.0  # seconds that a fork waits for each thread, in case that thread is waiting for the one that forks

layer: str | None = None  # that the loops of this process run on; None until Numba is loaded
loading = threading.RLock()  # held while Numba is loaded, while a thread becomes a caller, and during a fork
forking = False  # a fork waits for the kernels that run

_starter = 0  # the thread that started the layer
_lost = False  # the process was forked, and the layer's threads are not there any more
_only_turn: Any = threading.RLock()
_turns: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # of each thread that calls kernels


class Fork(threading.local):
    """What the current thread holds while it forks: locks taken, and those it did not get."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.missed: list[Any] = []


_fork = Fork()
also_used: list[Callable[[], Iterable[Any]]] = []  # locks of the engine that a thread may hold while it computes


class Caller(threading.local):
    """The current thread as a caller of kernels. turn: a lock that it holds while it is inside one."""

    def __getattr__(self, name: str) -> Any:
        """`turn`, when the thread calls its first kernel."""
        if name != "turn":
            raise AttributeError(name)
        with loading:
            if _lost:
                start_anew()
            self.turn: Any = _only_turn if layer == "workqueue" else threading.RLock()
            _turns[threading.get_ident()] = self.turn
        return self.turn


caller = Caller()


def stand_back() -> None:
    """Let a fork go first, unless it waits for this thread to come out of a kernel."""
    if not caller.turn._is_owned():
        with loading:
            pass


def start(numba: Any) -> None:
    """Start the layer that Numba chooses, and remember which it is."""
    global layer, _starter
    if numba.config.DISABLE_JIT:
        return
    numba.get_num_threads()
    layer, _starter = numba.threading_layer(), threading.get_ident()
    if layer != "workqueue" and hasattr(os, "fork"):
        start_loops_by_pointer()


def start_anew() -> None:
    """Give a forked process threads of its own: those of the workqueue layer, whatever its parent's were."""
    global layer, _lost
    layer, _lost = "workqueue", False
    start_threads = ctypes.CFUNCTYPE(None, ctypes.c_int)(library().launch_threads)
    start_threads(import_module("numba").config.NUMBA_NUM_THREADS)
    _loops.value = library().parallel_for


def library() -> Any:
    """Numba's module of the layer."""
    return import_module("numba.np.ufunc." + {"tbb": "tbbpool", "omp": "omppool"}.get(str(layer), "workqueue"))


_loops = ctypes.c_void_p()  # the function that runs the loops of all kernels


def start_loops_by_pointer() -> None:
    """Let kernels that are linked from now on call what `_loops` points to, at first the layer.

    They call `numba_parallel_for`, and that becomes the name of one jump, in LLVM's code.
    """
    from llvmlite import binding, ir
    from numba.core.codegen import initialize_llvm

    _loops.value = library().parallel_for
    address, number = ir.IntType(8).as_pointer(), ir.IntType(ctypes.sizeof(ctypes.c_void_p) * 8)
    # the loop, its arrays, shape, steps and data; how many axes, arrays and threads
    kind = ir.FunctionType(ir.VoidType(), [address] * 5 + [number] * 3)
    jump = ir.Function(ir.Module(), kind, "minitorch_loops")
    write = ir.IRBuilder(jump.append_basic_block())
    pointer = write.inttoptr(number(ctypes.addressof(_loops)), kind.as_pointer().as_pointer())
    write.call(write.load(pointer), jump.args, tail=True)
    write.ret_void()
    global _engine
    initialize_llvm()
    machine = binding.Target.from_default_triple().create_target_machine()
    _engine = binding.create_mcjit_compiler(binding.parse_assembly(str(jump.module)), machine)
    binding.add_symbol("numba_parallel_for", _engine.get_function_address(jump.name))


_engine: Any = None  # owns the code of the jump


def locks() -> Iterator[Any]:
    """All that a thread may hold while it computes, in an order in which a fork can take them."""
    yield loading
    yield from list(_turns.values())
    for used in also_used:
        yield from used()
    if layer is not None:
        from numba.core.compiler_lock import global_compiler_lock

        yield global_compiler_lock._lock


def before_fork() -> None:
    """Wait until no other thread is inside a kernel, and let none begin.

    A thread that forks while it is inside one itself, in a callback, does not wait: others may be waiting for it.
    """
    global forking
    inside = any(turn._is_owned() for turn in list(_turns.values()))
    for lock in locks():
        got = lock.acquire(timeout=0 if inside else PATIENCE)
        (_fork.taken if got else _fork.missed).append(lock)
        forking = True


def after_fork() -> None:
    """Let the kernels go on."""
    global forking
    forking = False
    while _fork.taken:
        _fork.taken.pop().release()
    _fork.missed.clear()


def after_fork_in_child() -> None:
    """Forget the other threads, and the layer's unless it is known to start them again by itself."""
    global caller, _lost
    for lock in _fork.missed:
        lock._at_fork_reinit()
    alone = threading.get_ident()
    others = [thread for thread in list(_turns) if thread != alone]
    _lost = _lost or (layer is not None and (layer != "tbb" or bool(others) or _starter != alone))
    if _lost and layer == "tbb":
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(library()))  # once it is let go of, it waits for its threads
    _turns.clear()
    caller = Caller()
    after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=before_fork, after_in_parent=after_fork, after_in_child=after_fork_in_child)
