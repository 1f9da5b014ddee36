"""The processor's two limits: `python -m benchmarks.peak [THREADS]` prints them in figures a second.

Multiply-adds: the engine's inner loop runs again and again over a panel and a tile so small that they stay in the first
cache. Bytes: an array that no cache holds is copied, and what is read and what is written count. Together they are the
roof over every figure of these benchmarks.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from minitorch_kernels.jit import jit, prange
from minitorch_kernels.vector import multiply_tile, tile_lanes

HEIGHT = 6
DEPTH = 64  # steps of a tile: 64 x 64 lanes of float32 are 16 KB
TILES = 500  # in each task: a call takes a few milliseconds
TASKS = 16
COPIED = 32_000_000  # numbers: 128 MB


@jit(parallel=True)
def many_tiles(a, b, offsets, start, out, lanes, tasks, tiles):
    """The same small product over and over, each task into its own tile of results."""
    for task in prange(tasks):
        for _ in range(tiles):
            multiply_tile(
                a, 0, b, 0, offsets, 0, DEPTH, DEPTH, 1, start, 0,
                out, task * HEIGHT * lanes, lanes, HEIGHT, HEIGHT, lanes, 0,
            )  # fmt: skip


def multiply_adds_per_second() -> float:
    """The best of some repetitions, float32, with as many threads as NUMBA_NUM_THREADS says."""
    rng = np.random.default_rng(0)
    lanes = tile_lanes(np.float32)
    a = rng.random(DEPTH * HEIGHT, np.float32)
    b = rng.random(DEPTH * lanes, np.float32)
    start = np.zeros(HEIGHT, np.float32)
    out = np.zeros(TASKS * HEIGHT * lanes, np.float32)
    seconds = []
    for _ in range(40):
        begin = time.perf_counter()
        many_tiles(a, b, np.arange(DEPTH) * lanes, start, out, lanes, TASKS, TILES)
        seconds.append(time.perf_counter() - begin)
    return TASKS * TILES * DEPTH * HEIGHT * lanes / min(seconds)


@jit(parallel=True)
def copy(source, target):
    """Every thread copies a part."""
    for i in prange(len(source)):
        target[i] = source[i]


def bytes_per_second() -> float:
    """The best of some repetitions."""
    source = np.ones(COPIED, np.float32)
    target = np.empty_like(source)
    seconds = []
    for _ in range(10):
        begin = time.perf_counter()
        copy(source, target)
        seconds.append(time.perf_counter() - begin)
    return 2 * source.nbytes / min(seconds)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.environ["NUMBA_NUM_THREADS"] = sys.argv[1]
    print(f"{multiply_adds_per_second():.4g} {bytes_per_second():.4g}")
