"""The pool of large buffers: memory is used again, and never by two arrays at a time."""

import contextlib
import gc
import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from minitorch_kernels import memory
from minitorch_kernels.memory import LARGE, LINE, empty

SHAPE = (LARGE // 4 + 3,)


@pytest.fixture(autouse=True)
def fresh_pool(monkeypatch):
    """A pool of its own for each test."""
    gc.collect()
    monkeypatch.setattr(memory, "pool", memory.Pool())


def address(array):
    return array.__array_interface__["data"][0]


def test_freed_memory_serves_the_next_request_of_its_size():
    first = empty(SHAPE, np.float32)
    where = address(first)
    del first
    assert address(empty(SHAPE, np.float32)) == where


def test_arrays_in_use_never_overlap():
    arrays = [empty(SHAPE, np.float32) for _ in range(4)]
    for number, array in enumerate(arrays):
        array[:] = number
    assert [set(array.tolist()) for array in arrays] == [{0}, {1}, {2}, {3}]


@pytest.mark.parametrize(
    "view", [lambda x: x[5:9], lambda x: x.reshape(-1, 1).T, lambda x: x.view(np.int32), np.asarray]
)
def test_a_view_keeps_the_memory(view):
    whole = empty(SHAPE, np.float32)
    part = view(whole)
    where = address(whole)
    del whole
    assert address(empty(SHAPE, np.float32)) != where
    assert address(part) >= where


def test_large_buffers_begin_at_a_cache_line():
    assert all(address(array) % LINE == 0 for array in [empty((LARGE + n,), np.uint8) for n in range(20)])


def test_shape_dtype_and_order():
    array = empty((3, 100, 101), np.float64)
    assert (array.shape, array.dtype) == ((3, 100, 101), np.float64)
    assert array.flags.c_contiguous
    assert array.flags.writeable


def test_what_exceeds_the_limit_is_given_back(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 3 * LARGE)
    for size in (LARGE, LARGE + 1, LARGE + 2, 9 * LARGE):
        empty((size,), np.uint8)
        assert memory.pool.held <= 3 * LARGE
        assert memory.pool.held == sum(size * len(free) for size, free in memory.pool.free.items())


def test_small_arrays_are_plain():
    empty((4,), np.float32)
    assert not memory.pool.free


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory in use is read as Linux tells it")
def test_freed_memory_goes_back_to_the_operating_system():
    def in_use():
        return mmap.PAGESIZE * int(Path("/proc/self/statm").read_text().split()[1])

    before = in_use()
    blocks = [memory.room(LARGE) for _ in range(1000)]
    for block in blocks:
        block.fill(1)
    assert in_use() - before > 900 * LARGE
    del blocks[:-1], block  # memory that is still in use comes after all that is freed
    assert in_use() - before < 100 * LARGE


def made():
    return memory.Block.__new__(memory.Block)


def with_memory():
    block = made()
    block.memory = memory.room(LARGE)
    return block


def with_size():
    block = with_memory()
    block.size = LARGE
    return block


def interrupted():
    """The interruption comes while the interface is asked for."""

    class Interrupting:
        @property
        def __array_interface__(self):
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        memory.Block(Interrupting(), LARGE)


@pytest.mark.parametrize(("begin", "given_back"), [(made, 0), (with_memory, 0), (with_size, 1), (interrupted, 1)])
def test_a_block_that_an_interruption_left_half_made(begin, given_back, monkeypatch):
    complaints = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    begin()
    gc.collect()
    assert complaints == []
    assert len(memory.pool.free[LARGE]) == given_back
