"""Where the kernels' buffers come from: a pool, because fresh memory is expensive.

A training step needs the same large buffers again and again. Memory that is new from the operating system is handed
over page by page, at the first touch of each, which for LeNet's step costs a good part of the time. So a large buffer
goes back to the pool when the last array over it is gone, and serves the next request of its size. Its first element
lies at a multiple of 64 bytes, so that no vector load straddles two cache lines.
"""

from __future__ import annotations

import math
import mmap
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

poison = False  # the tests set this: every fresh buffer is filled with NaN, so that a missed write shows

LARGE = 1 << 15  # bytes from which on a buffer comes from the pool
LIMIT = 1 << 30  # bytes that the pool keeps at most; beyond, it gives back all it holds
HUGE = 1 << 22  # bytes from which on the operating system may use large pages
LINE = 64  # bytes of a cache line, and of the widest vector


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised C-contiguous array."""
    array = requested(shape, np.dtype(dtype))
    if poison and array.dtype.kind == "f":
        array.fill(np.nan)
    return array


def empty_around(parts: Sequence[np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """`empty` for an array that is to hold `parts`, one after the other: in a planned step they may lie in it already.

    So look where a part is before copying it, and write nothing else here.
    """
    if source.current is None:
        return empty(shape, dtype)
    whole = requested(shape, np.dtype(dtype))
    source.current.adjoin(whole, parts)
    return whole


def rewritten(array: np.ndarray) -> None:
    """Say that an array is written to once more: nothing else may count on what it held."""
    if source.current is not None:
        source.current.rewritten(array)


def requested(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array from wherever buffers come from at the moment."""
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.empty(shape, dtype)
    if source.current is not None:
        return source.current.empty(shape, dtype, size)
    try:
        block = pool.take(size)
    except MemoryError as error:
        raise MemoryError(f"{error} for an array of shape {shape} and {dtype}") from None
    return np.ndarray(shape, dtype, buffer=np.asarray(block))


class Source(Protocol):
    """Who serves requests for large buffers, and hears what is done with them."""

    def empty(self, shape: tuple[int, ...], dtype: Any, size: int) -> np.ndarray:
        """An uninitialised array of `size` bytes."""

    def adjoin(self, whole: np.ndarray, parts: Sequence[np.ndarray]) -> None:
        """`parts` are about to be copied into `whole`, one after the other."""

    def rewritten(self, array: np.ndarray) -> None:
        """An array that was made earlier is written to."""

    def escape(self, array: np.ndarray) -> None:
        """An array is handed out, for as long as somebody wants it."""


class _Current(threading.local):
    """The source of this thread; None for the pool."""

    current: Source | None = None


source = _Current()


def room(size: int) -> np.ndarray:
    """New bytes straight from the operating system, which has them back as soon as the last array over them is gone.

    A C library would keep much of them: what was freed between blocks that are still in use. They start at a page.
    MemoryError where there are not so many left, also once the pool has given back what it keeps.
    """
    size = max(size, 1)
    try:
        return mapped(size)
    except (OSError, OverflowError):
        pool.clear()
    try:
        return mapped(size)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"allocating {size:,} bytes") from error


def mapped(size: int) -> np.ndarray:
    """Pages of the operating system; OSError where it has none, OverflowError for more than there are addresses."""
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return np.frombuffer(mmap.mmap(-1, size), np.uint8)
    block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        block.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(block, np.uint8)


class Pool:
    """Free buffers by size."""

    def __init__(self) -> None:
        self.free: dict[int, list[np.ndarray]] = defaultdict(list)
        self.held = 0

    def take(self, size: int) -> Block:
        """A free buffer of `size` bytes, or a new one."""
        try:
            memory = self.free[size].pop()  # a single step, so that two threads never get the same buffer
            self.held -= size
        except IndexError:
            memory = room(size)
        return Block(memory, size)

    def give_back(self, memory: np.ndarray, size: int) -> None:
        """Keep a buffer for the next request of its size."""
        if self.held + size > LIMIT:
            self.clear()
        if size <= LIMIT:
            self.held += size
            self.free[size].append(memory)

    def clear(self) -> None:
        """Give all free buffers back to the operating system."""
        self.free.clear()
        self.held = 0


class Block:
    """A buffer in use: arrays over it keep it alive, and its memory returns to the pool when the last one is gone.

    NumPy reads `__array_interface__` to make an array of it, and holds on to the object as the array's base.
    """

    __slots__ = ("__array_interface__", "memory", "size")

    def __init__(self, memory: np.ndarray, size: int):
        self.memory = memory
        self.size = size
        self.__array_interface__ = memory.__array_interface__

    def __del__(self) -> None:
        if hasattr(self, "size"):  # an interruption may come before it is set
            pool.give_back(self.memory, self.size)


pool = Pool()
