"""`dots`: products whose lanes are summed, such as the gradient of a convolution's weights."""

from __future__ import annotations

import numpy as np

from ..jit import jit, prange
from ..vector import TAPS, dot_tile, tile_height, tile_lanes, vectors_per_tile
from .panels import run_of_memory
from .turned_sums import turned_dots

SEGMENT = 2048  # lanes that a dot product takes at once: ten rows of them stay in the L2 cache
CHUNKS = 32  # parts of a sum, for the threads to share; fixed, so that their number changes no bit
NEAR = 1 << 18  # bytes of b that stay in the L2 cache, beside those of a, while all rows of a pass over them
LIGHT = 1 << 24  # multiply-adds up to which turning a gains nothing, and would have to be compiled first


def dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d[g, m, k] = Σ_run Σ_lane a[g, a_starts[run] + m a_row + lane] · b[g, b_starts[run] + offsets[k] + lane].

    a (G, ...) and b (G, ...) hold runs of `lanes` lanes each -> d (G, M, K). There are two ways, and shapes alone
    decide: `turned_dots` where there is more than a little to do, b is too large to stay in the cache and the rows of a
    fill three quarters of the vectors that they are turned into, else `lane_dots`. So the gradient of a convolution's
    weights is turned from about 32 channels on, unless there are less than 12 filters in a group or, say, 17.
    """
    all_lanes = len(a_starts) * lanes
    passed = b[0].nbytes * min(all_lanes, SEGMENT) // max(all_lanes, 1)
    spare = -M % (tile_lanes(a.dtype) // vectors_per_tile())
    light = len(a) * M * len(offsets) * all_lanes <= LIGHT
    way = turned_dots if passed >= NEAR and 3 * spare <= M and not light else lane_dots
    return way(a, a_row, a_starts, b, b_starts, offsets, M, lanes)


def lane_dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d as `dots` has it: vectors are summed up, and their lanes at the end.

    The runs are cut into at most CHUNKS parts, each summed on its own, and the parts are added in order.
    """
    G, K = len(a), len(offsets)
    parts = max(1, min(CHUNKS, -(-len(a_starts) * lanes // SEGMENT), 2**22 // max(1, G * M * K)))
    partial = np.zeros((parts, G, M, -(-K // TAPS) * TAPS), a.dtype)
    offsets = np.append(offsets, np.zeros(partial.shape[3] - K, np.int64))
    sum_parts(
        run_of_memory(a), a[0].size, a_row, a_starts, run_of_memory(b), b[0].size, b_starts, offsets, lanes,
        partial.reshape(-1), parts, G, M, tile_height(M),
    )  # fmt: skip
    return partial[..., :K].sum(0)


@jit(parallel=True)
def sum_parts(
    a, a_group, a_row, a_starts, b, b_group, b_starts, offsets, lanes, partial, parts, G, M, height
):  # fmt: skip
    """partial[part, g, m, k] += that part of the sum in `dots`; one task per part, group and panel of rows."""
    P, K = (M + height - 1) // height, len(offsets)
    together = max(1, SEGMENT // max(lanes, 1))  # short runs are taken several at a time, long ones are cut
    segments = (lanes + SEGMENT - 1) // SEGMENT
    pieces = (len(a_starts) + together - 1) // together * segments
    for item in prange(parts * G * P):
        part, g, m = item // (G * P), item // P % G, item % P * height
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            run, lane = piece // segments * together, piece % segments * SEGMENT
            for k in range(0, K, TAPS):
                dot_tile(
                    a, g * a_group + m * a_row, a_row, a_starts, b, g * b_group, b_starts, offsets, k,
                    run, min(run + together, len(a_starts)), lane, min(SEGMENT, lanes - lane),
                    partial, ((part * G + g) * M + m) * K + k, K, height, min(height, M - m),
                )  # fmt: skip
