"""Memory planned once: which buffers a step needs, how long each is in use, and one block in which all have a place.

A first replay is logged: each large buffer that a kernel asks for, and when the last array over it is gone. Buffers
that are never in use together share memory. Later replays are served in the same order with arrays over the planned
places. What outlives the step (its results, the gradients of parameters) has no place there: it comes from the
ordinary pool and belongs to whoever holds it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from minitorch_kernels import memory
from minitorch_kernels.kernel import Array

FOREVER = 1 << 62


@dataclass
class Buffer:
    """One request: its shape and type, the instruction that made it, and the times between which it was in use."""

    shape: tuple[int, ...]
    dtype: Any
    size: int
    instruction: int
    start: int
    end: int = FOREVER
    offset: int | None = None  # where it lies in the arena; None for memory that outlives the step


class Log:
    """Serves requests with new memory, and notes when it is let go of."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.clock = 0
        self.instruction = 0
        self.in_use: dict[int, tuple[weakref.ref[Any], Buffer]] = {}

    def empty(self, shape: tuple[int, ...], dtype: Any, size: int) -> np.ndarray:
        """An uninitialised array."""
        owner = np.empty(size, np.uint8)
        buffer = Buffer(shape, dtype, size, self.instruction, self.tick())
        self.buffers.append(buffer)
        key = id(owner)

        def freed(_: Any) -> None:
            buffer.end = min(buffer.end, self.tick())
            self.in_use.pop(key, None)

        self.in_use[key] = (weakref.ref(owner, freed), buffer)
        return np.ndarray(shape, dtype, buffer=owner)

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def escape(self, array: Array) -> None:
        """This array is handed out: its memory cannot be planned."""
        while isinstance(array.base, np.ndarray):
            array = array.base
        if id(array) in self.in_use:
            _, buffer = self.in_use.pop(id(array))
            buffer.start = FOREVER


class Layout:
    """A place for each buffer of a log that did not outlive it."""

    def __init__(self, buffers: list[Buffer]):
        self.buffers = buffers
        self.planned = [buffer for buffer in buffers if buffer.start < FOREVER and buffer.end < FOREVER]
        self.size = place(self.planned)

    @property
    def requested(self) -> int:
        """The bytes of all buffers in the arena, as if none shared memory."""
        return sum(buffer.size for buffer in self.planned)


def place(buffers: list[Buffer]) -> int:
    """Give each buffer the lowest offset at which nothing lies during its time, the largest first; the total size."""
    order = sorted(buffers, key=lambda buffer: -buffer.size)
    start, end, low, high = (np.zeros(len(order), np.int64) for _ in range(4))
    for count, buffer in enumerate(order):
        together = np.flatnonzero((start[:count] < buffer.end) & (end[:count] > buffer.start))
        size = aligned(buffer.size)
        offset = 0
        for other in together[np.argsort(low[together], kind="stable")]:
            if low[other] >= offset + size:
                break
            offset = max(offset, int(high[other]))
        buffer.offset = offset
        start[count], end[count], low[count], high[count] = buffer.start, buffer.end, offset, offset + size
    return int(high.max(initial=0))


def aligned(size: int) -> int:
    """The next multiple of a cache line."""
    return -(-size // memory.LINE) * memory.LINE


class Arena:
    """One block of memory with the arrays of a layout ready in it, served in order."""

    def __init__(self, layout: Layout):
        block = np.empty(layout.size + memory.LINE, np.uint8)
        skip = -block.ctypes.data % memory.LINE
        self.arrays = [
            None
            if buffer.offset is None
            else np.ndarray(buffer.shape, buffer.dtype, buffer=block, offset=skip + buffer.offset)
            for buffer in layout.buffers
        ]
        self.next = 0
        self.fits = True  # until a request comes that was not logged

    def empty(self, shape: tuple[int, ...], dtype: Any, size: int) -> np.ndarray:
        """The array that was planned for this request; from the pool where none was."""
        if self.fits:
            if self.next < len(self.arrays):
                array = self.arrays[self.next]
                self.next += 1
                if array is not None and array.shape == shape and array.dtype == dtype:
                    return array
                self.fits = array is None
            else:
                self.fits = False
        return np.ndarray(shape, dtype, buffer=np.asarray(memory.pool.take(size)))

    def escape(self, array: Array) -> None:
        """Nothing to do: what is handed out was never planned."""


class Buffers:
    """Where the runs of one recording get their memory: the first from a log, later ones each from an arena."""

    def __init__(self) -> None:
        self.layout: Layout | None = None
        self.spare: list[Arena] = []

    def take(self) -> Log | Arena:
        """The source for one run."""
        if self.layout is None:
            return Log()
        try:
            return self.spare.pop()  # a single step, so that two threads never get the same arena
        except IndexError:
            return Arena(self.layout)

    def give_back(self, source: Log | Arena) -> None:
        """The end of a run: plan by its log, or keep its arena for the next run."""
        if isinstance(source, Log):
            self.layout = Layout(source.buffers)
            memory.pool.clear()
        elif source.fits and source.next == len(source.arrays):
            source.next = 0
            self.spare.append(source)
        else:  # the step asked for other buffers than before: plan again
            self.layout = None
            self.spare.clear()
