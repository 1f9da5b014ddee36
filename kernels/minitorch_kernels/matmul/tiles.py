"""`multiply`: the loop over tiles of results that every product and convolution goes through."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..vector import copy_rows, multiply_tile

DEPTH = 256  # steps of k between two visits to a tile of results: a panel of b, 256 x 256 bytes, stays in the L2 cache
TASKS = 128  # a call is cut into about so many tasks, if it has so many tiles
BLOCKS = 32  # where there are fewer tiles of b, the rows of a are cut, for so many tasks
MANY_PANELS = 12  # from so many panels of a in a task on, the rows of b for a tile are first copied to one place


@jit(parallel=True)
def multiply(a, start, b, b_group, b_tile, offsets, out, out_group, out_row, runs, G, M, K, height, width):
    """out[g, m, run] = start[g, m] + Σ_k a[g, m, k] · b[g, run, k]: every product and convolution ends up here.

    a holds panels (G, P, K, height) as from `pack`, start (G M,) where each sum begins; b and out are the memory of
    arrays whose groups lie b_group and out_group apart. A run is a stretch of neighbouring lanes; its row of `runs` has
    its begin in b and in out, its number of lanes, and over which k to sum. These come in stretches, too: where the
    first begins, their length, how far apart they are, how many. Row k of b lies offsets[k] after the begin of the run,
    and the tiles of a run lie b_tile apart. Each result is summed by one thread, in the order of k.

    A task is a chunk of the runs of all groups, or a part of the tiles of one and of the rows of a.
    """
    P, items, most = (M + height - 1) // height, G * len(runs), 1
    for run in range(len(runs)):
        most = max(most, (runs[run, 2] + width - 1) // width)
    chunks = min(items, TASKS)
    parts = max(1, min(most, TASKS // max(1, items)))
    blocks = max(1, min(P, BLOCKS // max(1, items * parts)))
    copy_first = blocks * MANY_PANELS <= P and not (len(offsets) > 1 and offsets[1] - offsets[0] == width)
    in_order = np.empty(K if copy_first else 0, np.int64)
    for k in range(len(in_order)):
        in_order[k] = k * width
    for task in prange(chunks * parts * blocks):
        chunk, part, block = task // (parts * blocks), task // blocks % parts, task % blocks
        copy = np.empty(min(K, DEPTH) * width if copy_first else 0, b.dtype)
        for item in range(chunk * items // chunks, (chunk + 1) * items // chunks):
            g, run = item // len(runs), item % len(runs)
            first, length, stretch, count = runs[run, 3], runs[run, 4], runs[run, 5], runs[run, 6]
            together = max(1, min(count, DEPTH // stretch)) if count > 1 else 1
            begin, end = 0, (runs[run, 2] + width - 1) // width
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
