"""dw: sums over all positions and images, one for each weight."""

from __future__ import annotations

import functools

import numpy as np

from ..im2col import Pair, im2col
from ..layout import stored_batch_last
from ..matmul import dots


def conv2d_weight_grad_cpu(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, C, H, W), (KH, KW) = dy.shape, x.shape, kernel
    size = H + 2 * padding[0], W + 2 * padding[1]
    padded = x if padding == (0, 0) else im2col(x, (1, 1), (1, 1), padding, (1, 1))  # a 1x1 window sees all positions
    run = joined(size, (OH, OW), stride)
    y_runs, x_runs, offsets = dot_plan(size, (OH, OW), kernel, stride, dilation, run, C // groups, N)
    dw = dots(
        stored_batch_last(dy).reshape(groups, -1), OH * OW * N, y_runs,
        stored_batch_last(padded).reshape(groups, -1), x_runs, offsets, O // groups, run * N,
    )  # fmt: skip
    return dw.reshape(O, C // groups, KH, KW)


@functools.lru_cache(maxsize=256)
def dot_plan(
    size: Pair, out: Pair, kernel: Pair, stride: Pair, dilation: Pair, run: int, C: int, N: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each run of positions begins in dy and in the padded x, and where tap (c, ky, kx) lies from there."""
    (H, W), (OH, OW), (KH, KW), (sy, sx), (ey, ex) = size, out, kernel, stride, dilation
    position = np.arange(0, OH * OW, run)
    oy, ox = position // max(OW, 1), position % max(OW, 1)
    c, ky, kx = np.ogrid[:C, :KH, :KW]
    return tuple(
        (places * N).reshape(-1) for places in (position, oy * sy * W + ox * sx, (c * H + ky * ey) * W + kx * ex)
    )  # type: ignore[return-value]


def joined(size: Pair, out: Pair, stride: Pair) -> int:
    """How many neighbouring positions form one run: those that are neighbours in x, too."""
    if stride[1] > 1:
        return 1
    rows = out[0] if stride[0] == 1 and out[1] == size[1] else 1
    return max(rows * out[1], 1)
