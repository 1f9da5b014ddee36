"""`multiply`: the loop over tiles of results that every product and convolution goes through."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..vector import copy_rows, multiply_tile

DEPTH = 256  # steps of k between two visits to a tile of results: a panel of b, 256 x 256 bytes, stays in the L2 cache
TASKS = 128  # a call is cut into about so many tasks, if it has so many tiles
BLOCKS = 32  # where there are fewer tiles of b, the rows of a are cut, for so many tasks
MANY_PANELS = 12  # from so many panels of a on, the rows of b for a tile are first copied to one place


def multiply(
    a: np.ndarray, start: np.ndarray, b: np.ndarray, b_group: int, b_tile: int, offsets: np.ndarray,
    out: np.ndarray, out_group: int, out_row: int, runs: np.ndarray, G: int, M: int, K: int, height: int, width: int,
) -> None:  # fmt: skip
    """out[g, m, run] = start[g, m] + Σ_k a[g, m, k] · b[g, run, k]: every product and convolution ends up here.

    a holds panels (G, P, K, height) as from `pack`, start (G M,) where each sum begins; b and out are the memory of
    arrays whose groups lie b_group and out_group apart. A run is a stretch of neighbouring lanes; its row of `runs` has
    its begin in b and in out, its number of lanes, and over which k to sum. These come in stretches, too: where the
    first begins, their length, how far apart they are, how many. Row k of b lies offsets[k] after the begin of the run,
    and the tiles of a run lie b_tile apart. Each result is summed by one thread, in the order of k.
    """
    P, items = -(-M // height), G * len(runs)
    if items == 0:
        return
    tiles = -(-runs[:, 2] // width)
    parts = max(1, min(int(tiles.max()), TASKS // items))
    blocks = max(1, min(P, BLOCKS // (items * parts)))
    b_in_order = len(offsets) > 1 and offsets[1] - offsets[0] == width
    in_order = np.arange(K if P >= MANY_PANELS and not b_in_order else 0) * width
    multiply_tiles(
        a, start, b, b_group, b_tile, offsets, out, out_group, out_row, runs, tiles, in_order, M, K, height, width,
        items, min(items, TASKS), parts, blocks,
    )  # fmt: skip


@jit(parallel=True)
def multiply_tiles(
    a, start, b, b_group, b_tile, offsets, out, out_group, out_row, runs, tiles, in_order, M, K, height, width,
    items, chunks, parts, blocks,
):  # fmt: skip
    """The tiles of every run and group. A task is a chunk of these items, or part of one's tiles and of a's rows."""
    P = (M + height - 1) // height
    copy_first = len(in_order) > 0
    for task in prange(chunks * parts * blocks):
        chunk, part, block = task // (parts * blocks), task // blocks % parts, task % blocks
        copy = np.empty(min(K, DEPTH) * width if copy_first else 0, b.dtype)
        for item in range(chunk * items // chunks, (chunk + 1) * items // chunks):
            g, run = item // len(runs), item % len(runs)
            first, length, stretch, count = runs[run, 3], runs[run, 4], runs[run, 5], runs[run, 6]
            together = max(1, min(count, DEPTH // stretch)) if count > 1 else 1
            begin, end = 0, tiles[run]
            if parts > 1:
                begin, end = part * end // parts, (part + 1) * end // parts
            for tile in range(begin, end):
                lanes = min(width, runs[run, 2] - tile * width)
                b_start = g * b_group + runs[run, 0] + tile * b_tile
                out_start = g * out_group + runs[run, 1] + tile * width
                for s in range(0, count, together):
                    times = min(together, count - s)
                    for k in range(0, max(length, 1), DEPTH):
                        k_first, steps = first + s * stretch + k, min(DEPTH, length - k)
                        source, source_start, places = b, b_start, offsets
                        if copy_first:
                            for time in range(times):
                                at = time * stretch
                                copy_rows(b, b_start, offsets, k_first + at, steps, lanes, copy, at * width, width)
                            source, source_start, places = copy, -k_first * width, in_order
                        for p in range(block * P // blocks, (block + 1) * P // blocks):
                            m = p * height
                            multiply_tile(
                                a, (g * P + p) * K * height, source, source_start, places,
                                k_first, steps, stretch, times,
                                start, g * M + m, out, out_start + m * out_row, out_row,
                                height, min(height, M - m), lanes, s + k,
                            )  # fmt: skip
