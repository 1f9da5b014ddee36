"""dw: sums over all positions and images, one for each weight."""

from __future__ import annotations

import numpy as np

from ..im2col import Pair, im2col, padded_batch_last
from ..jit import jit, prange
from ..layout import stored_batch_last
from ..matmul import matmul, run_of_memory
from ..vector import TAPS, dot_tile, tile_height
from .positions import runs_would_be_short
from .reference import split_groups

SEGMENT = 2048  # lanes that a dot product takes at once: ten rows of them stay in the L2 cache
CHUNKS = 32  # parts of a weight gradient's sum, for the threads to share; fixed, so that their number changes no bit


def conv2d_weight_grad_cpu(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, C, _, _), (KH, KW) = dy.shape, x.shape, kernel
    if runs_would_be_short(N, stride, O // groups):
        cols = split_groups(im2col(x, kernel, stride, padding, dilation), groups)
        dw = matmul(split_groups(dy.reshape(N, O, OH * OW), groups), cols.swapaxes(1, 2))
        return dw.reshape(O, C // groups, KH, KW)
    (sy, sx), (ey, ex) = stride, dilation
    padded = padded_batch_last(x, padding)
    _, H, W, _ = padded.shape
    joined = OW if sx == 1 else 1  # neighbouring positions that form one run
    oy, ox = np.arange(OH)[:, None], np.arange(0, OW, joined)
    c, ky, kx = np.ogrid[: C // groups, :KH, :KW]
    dw = dots(
        stored_batch_last(dy).reshape(groups, -1), OH * OW * N, ((oy * OW + ox) * N).reshape(-1),
        padded.reshape(groups, -1), ((oy * sy * W + ox * sx) * N).reshape(-1),
        (((c * H + ky * ey) * W + kx * ex) * N).reshape(-1), O // groups, joined * N,
    )  # fmt: skip
    return dw.reshape(O, C // groups, KH, KW)


def dots(
    a: np.ndarray, a_row: int, a_starts: np.ndarray,
    b: np.ndarray, b_starts: np.ndarray, offsets: np.ndarray, M: int, lanes: int,
) -> np.ndarray:  # fmt: skip
    """d[g, m, k] = Σ_run Σ_lane a[g, a_starts[run] + m a_row + lane] · b[g, b_starts[run] + offsets[k] + lane].

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
    return partial.sum(0)[:, :, :K]


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
