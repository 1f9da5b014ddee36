"""`dots`: products whose lanes are summed, such as the gradient of a convolution's weights."""

from __future__ import annotations

import numpy as np

from ..vector import tile_lanes, vectors_per_tile
from .lane_sums import SEGMENT, lane_dots
from .turned_sums import turned_dots

NEAR = 1 << 18  # bytes of b that stay in the L2 cache, beside those of a, while all rows of a pass over them


def dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d[g, m, k] = Σ_run Σ_lane a[g, a_starts[run] + m a_row + lane] · b[g, b_starts[run] + offsets[k] + lane].

    a (G, ...) and b (G, ...) hold runs of `lanes` lanes each -> d (G, M, K). There are two ways, and shapes alone
    decide: `turned_dots` where b is too large to stay in the cache and the rows of a fill three quarters of the vectors
    that they are turned into, else `lane_dots`. So the gradient of a convolution's weights is turned from about 32
    channels on, unless there are less than 12 filters in a group or, say, 17.
    """
    all_lanes = len(a_starts) * lanes
    passed = b[0].nbytes * min(all_lanes, SEGMENT) // max(all_lanes, 1)
    spare = -M % (tile_lanes(a.dtype) // vectors_per_tile())
    way = turned_dots if passed >= NEAR and 3 * spare <= M else lane_dots
    return way(a, a_row, a_starts, b, b_starts, offsets, M, lanes)
