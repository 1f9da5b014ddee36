"""Memory planned once: which buffers a step needs, how long each is in use, and one block in which all have a place.

A first replay is logged: each large buffer that a kernel asks for, and when the last array over it is gone. Buffers
that are never in use together share memory. Arrays that are joined (the branches of an Inception block, the maps of a
dense block) lie inside the joined one from the start, so that joining them copies nothing. Later replays are served in
the same order with arrays over the planned places. What outlives the step (its results, the gradients of parameters)
has no place there: it comes from the ordinary pool and belongs to whoever holds it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minitorch_kernels import memory
from minitorch_kernels.arrays import Array

FOREVER = 1 << 62


@dataclass(eq=False)
class Buffer:
    """One request: its shape and type, the instruction that made it, and the times between which it was in use."""

    shape: tuple[int, ...]
    dtype: Any
    size: int
    instruction: int
    start: int
    end: int = FOREVER
    whole: Buffer | None = None  # what it was joined into, `shift` bytes from the start
    shift: int = 0
    rewritten: bool = False  # after it was made
    offset: int | None = None  # where it lies in the arena; None for memory that outlives the step

    @property
    def planned(self) -> bool:
        """False for what outlived the log, or was handed out."""
        return self.start < FOREVER and self.end < FOREVER


class Log:
    """Serves requests with new memory, and notes when it is let go of."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.clock = 0
        self.instruction = 0
        self.in_use: dict[int, tuple[weakref.ref[Any], Buffer]] = {}

    def empty(self, shape: tuple[int, ...], dtype: Any, size: int) -> np.ndarray:
        """An uninitialised array."""
        owner = memory.room(size)
        buffer = Buffer(shape, dtype, size, self.instruction, self.tick())
        self.buffers.append(buffer)
        key = id(owner)

        def freed(_: Any) -> None:
            buffer.end = min(buffer.end, self.tick())
            self.in_use.pop(key, None)

        self.in_use[key] = (weakref.ref(owner, freed), buffer)
        return np.ndarray(shape, dtype, buffer=owner)

    def adjoin(self, whole: np.ndarray, parts: Sequence[np.ndarray]) -> None:
        """Note which buffers hold nothing but a part of what is joined in another; each can lie in one place only."""
        outer, shift = self.buffer_of(whole), 0
        for part in parts:
            inner = self.buffer_of(part)
            if inner is not None and inner.whole is None and inner.size == part.nbytes and shift % memory.LINE == 0:
                inner.whole, inner.shift = outer, shift
            shift += part.nbytes

    def rewritten(self, array: np.ndarray) -> None:
        """What is written once more is no longer the same in the part and in the whole."""
        buffer = self.buffer_of(array)
        if buffer is not None:
            buffer.rewritten = True

    def buffer_of(self, array: Array) -> Buffer | None:
        """The buffer that an array lies in, if it came from here."""
        return self.in_use.get(id(owner_of(array)), (None, None))[1]

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def escape(self, array: Array) -> None:
        """This array is handed out: its memory cannot be planned."""
        buffer = self.buffer_of(array)
        if buffer is not None:
            buffer.start = FOREVER
            del self.in_use[id(owner_of(array))]


def owner_of(array: Array) -> Array:
    """The array whose memory this one shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class Layout:
    """A place for each buffer of a log that did not outlive it."""

    def __init__(self, buffers: list[Buffer]):
        self.buffers = buffers
        self.planned = [buffer for buffer in buffers if buffer.planned]
        places = {buffer: outermost(buffer) for buffer in self.planned}
        for buffer, (outer, _) in places.items():  # the place of all parts is taken as soon as one of them is made
            outer.start, outer.end = min(outer.start, buffer.start), max(outer.end, buffer.end)
        self.size = place([buffer for buffer, (outer, _) in places.items() if buffer is outer])
        for buffer, (outer, shift) in places.items():
            assert outer.offset is not None
            buffer.offset = outer.offset + shift

    @property
    def requested(self) -> int:
        """The bytes of all buffers in the arena, as if none shared memory."""
        return sum(buffer.size for buffer in self.planned)


def outermost(buffer: Buffer) -> tuple[Buffer, int]:
    """The buffer inside which this one lies, perhaps through others in between, and how many bytes from its start."""
    shift = 0
    while (whole := buffer.whole) is not None and whole.planned and not (buffer.rewritten or whole.rewritten):
        shift += buffer.shift
        buffer = whole
    return buffer, shift


# What comes first when places are given out: the large or the long-lived, weighed as size ** a · time ** b. No weighing
# is the best for every step.
WEIGHTS = ((1, 0), (2, 1), (1, 2))


def place(buffers: list[Buffer]) -> int:
    """Give each buffer an offset, so that those in use together lie apart; the total size, the least of some tries."""
    tries = [packed(sorted(buffers, key=partial(first, a, b))) for a, b in WEIGHTS]
    size, order, offsets = min(tries, key=lambda found: found[0])
    for buffer, offset in zip(order, offsets):
        buffer.offset = offset
    return size


def first(a: int, b: int, buffer: Buffer) -> int:
    """The smaller, the earlier a buffer gets its place."""
    return -(buffer.size**a) * (buffer.end - buffer.start) ** b


def packed(order: list[Buffer]) -> tuple[int, list[Buffer], list[int]]:
    """Each in turn gets the lowest offset at which nothing lies during its time: total size, order and offsets."""
    start, end, low, high = (np.zeros(len(order), np.int64) for _ in range(4))
    for count, buffer in enumerate(order):
        together = np.flatnonzero((start[:count] < buffer.end) & (end[:count] > buffer.start))
        size = aligned(buffer.size)
        offset = 0
        for other in together[np.argsort(low[together], kind="stable")]:
            if low[other] >= offset + size:
                break
            offset = max(offset, int(high[other]))
        start[count], end[count], low[count], high[count] = buffer.start, buffer.end, offset, offset + size
    return int(high.max(initial=0)), order, low.tolist()


def aligned(size: int) -> int:
    """The next multiple of a cache line."""
    return -(-size // memory.LINE) * memory.LINE


class Arena:
    """One block of memory with the arrays of a layout ready in it, served in order."""

    def __init__(self, layout: Layout):
        block = memory.room(layout.size)
        self.arrays = [
            None
            if buffer.offset is None
            else np.ndarray(buffer.shape, buffer.dtype, buffer=block, offset=buffer.offset)
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

    def adjoin(self, whole: np.ndarray, parts: Sequence[np.ndarray]) -> None:
        """Nothing to do, here and below: all of it was noted and planned."""

    def rewritten(self, array: np.ndarray) -> None:
        """See above."""

    def escape(self, array: Array) -> None:
        """See above."""


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
