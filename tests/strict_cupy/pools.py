"""Memory of the simulated GPUs: pools that hand out again what was given back, and memory that belongs to others.

A buffer is full of ones when it is handed out: NaN as floats, -1 as whole numbers. Work that was captured keeps its
addresses and not its arrays, as in CUDA: who lets go of an array too early finds something else in its place.
"""

import ctypes
import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import devices

UNIT = 512  # bytes of which a block is a multiple

reserved: Counter[int] = Counter()  # bytes of each GPU that pools hold
lock = threading.RLock()  # one that may be taken again: a block is given back wherever Python drops it


class OutOfMemoryError(MemoryError):
    """Stands for cupy.cuda.memory.OutOfMemoryError."""

    def __init__(self, size: int, total: int) -> None:
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes).")


class PooledMemory:
    """A block of a pool, to which it goes back with the last array over it, if the pool is still there."""

    def __init__(self, pool: "MemoryPool", buffer: np.ndarray, size: int, device_id: int) -> None:
        self.pool, self.buffer, self.size, self.device_id = weakref.ref(pool), buffer, size, device_id
        self.ptr = buffer.ctypes.data

    @property
    def device(self) -> devices.Device:
        return devices.Device(self.device_id)

    def __del__(self) -> None:
        pool = self.pool()
        if pool is not None:
            pool.take_back(self)


class UnownedMemory:
    """Memory of somebody else, who lives as long as this."""

    def __init__(self, ptr: int, size: int, owner: Any, device_id: int = -1) -> None:
        self.ptr, self.size = ptr, size
        self.device_id = devices.get_device() if device_id < 0 else device_id
        bytes_there = (ctypes.c_uint8 * max(size, 1)).from_address(ptr)
        bytes_there.owner = owner
        self.buffer = np.frombuffer(bytes_there, np.uint8)

    @property
    def device(self) -> devices.Device:
        return devices.Device(self.device_id)


class MemoryPointer:
    """A place in a piece of memory."""

    def __init__(self, mem: Any, offset: int) -> None:
        self.mem, self.ptr = mem, mem.ptr + offset

    def __int__(self) -> int:
        return self.ptr

    @property
    def device_id(self) -> int:
        return self.mem.device_id

    @property
    def device(self) -> devices.Device:
        return self.mem.device


class MemoryHook:
    """Is told of each block that its thread asks for, from `__enter__` on."""

    name = "MemoryHook"

    def __enter__(self) -> "MemoryHook":
        thread.hooks.append(self)
        return self

    def __exit__(self, *_: Any) -> None:
        thread.hooks.remove(self)

    def malloc_postprocess(self, **_: Any) -> None:
        """For subclasses."""


class _Thread(threading.local):
    def __init__(self) -> None:
        self.allocator: Callable[[int], MemoryPointer] | None = None
        self.hooks: list[MemoryHook] = []


thread = _Thread()


class MemoryPool:
    """Blocks by GPU and size; what `allocator` would do is the same here."""

    def __init__(self, allocator: Any = None) -> None:
        self.free: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
        self.used: Counter[int] = Counter()
        self.cached: Counter[int] = Counter()

    def malloc(self, size: int) -> MemoryPointer:
        number, rounded = devices.get_device(), max(1, -(-size // UNIT)) * UNIT
        with lock:
            buffer = self.block(number, rounded)
            self.used[number] += rounded
        buffer.fill(0xFF)
        memory = PooledMemory(self, buffer, rounded, number)
        for hook in thread.hooks:
            hook.malloc_postprocess(
                device_id=number, size=size, mem_size=rounded, mem_ptr=memory.ptr, pmem_id=id(memory)
            )
        return MemoryPointer(memory, 0)

    def block(self, number: int, size: int) -> np.ndarray:
        """A free block, or one from the GPU; where that has none left, after this pool's own free ones are returned."""
        if self.free[number, size]:
            self.cached[number] -= size
            return self.free[number, size].pop()
        if reserved[number] + size > devices.memory:
            self.free_all_blocks()
        if reserved[number] + size > devices.memory:
            raise OutOfMemoryError(size, self.used[number])
        reserved[number] += size
        return np.empty(size, np.uint8)

    def take_back(self, memory: PooledMemory) -> None:
        with lock:
            self.used[memory.device_id] -= memory.size
            self.cached[memory.device_id] += memory.size
            self.free[memory.device_id, memory.size].append(memory.buffer)

    def free_all_blocks(self, stream: Any = None) -> None:
        with lock:
            reserved.subtract(self.cached)
            self.free.clear()
            self.cached.clear()

    def used_bytes(self) -> int:
        return self.used[devices.get_device()]

    def free_bytes(self) -> int:
        return self.cached[devices.get_device()]

    def total_bytes(self) -> int:
        return self.used_bytes() + self.free_bytes()

    def __del__(self) -> None:
        if lock is not None:  # as it is where Python itself ends
            with lock:
                reserved.subtract(self.used + self.cached)


default = MemoryPool()


def alloc(size: int) -> MemoryPointer:
    """Memory of the current GPU, from the allocator of this thread."""
    return (thread.allocator or default.malloc)(size)


def get_allocator() -> Callable[[int], MemoryPointer]:
    return thread.allocator or default.malloc


@contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    before, thread.allocator = thread.allocator, allocator
    try:
        yield
    finally:
        thread.allocator = before


class PinnedMemoryPool:
    """Where bytes on their way to a GPU wait."""

    def malloc(self, size: int) -> int:
        return size


pinned = PinnedMemoryPool()
pinned_allocator: Callable[[int], Any] = pinned.malloc


def set_pinned_memory_allocator(allocator: Any = None) -> None:
    global pinned_allocator
    pinned_allocator = allocator or pinned.malloc
