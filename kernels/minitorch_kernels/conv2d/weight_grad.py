"""dw: sums over all positions and images, one for each weight."""

from __future__ import annotations

import functools

import numpy as np

from ..im2col import Pair, padded_batch_last
from ..layout import stored_batch_last
from ..matmul import dots


def conv2d_weight_grad_cpu(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, C, _, _), (KH, KW) = dy.shape, x.shape, kernel
    padded = padded_batch_last(x, padding)
    y_runs, x_runs, offsets = dot_plan(padded.shape[1:3], (OH, OW), kernel, stride, dilation, C // groups, N)
    dw = dots(
        stored_batch_last(dy).reshape(groups, -1), OH * OW * N, y_runs,
        padded.reshape(groups, -1), x_runs, offsets, O // groups, joined(OW, stride) * N,
    )  # fmt: skip
    return dw.reshape(O, C // groups, KH, KW)


@functools.lru_cache(maxsize=256)
def dot_plan(
    size: Pair, out: Pair, kernel: Pair, stride: Pair, dilation: Pair, C: int, N: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each run of positions begins in dy and in the padded x, and where tap (c, ky, kx) lies from there."""
    (H, W), (OH, OW), (KH, KW), (sy, sx), (ey, ex) = size, out, kernel, stride, dilation
    oy, ox = np.arange(OH)[:, None], np.arange(0, OW, joined(OW, stride))
    c, ky, kx = np.ogrid[:C, :KH, :KW]
    return tuple(
        (places * N).reshape(-1) for places in (oy * OW + ox, oy * sy * W + ox * sx, (c * H + ky * ey) * W + kx * ex)
    )  # type: ignore[return-value]


def joined(OW: int, stride: Pair) -> int:
    """How many neighbouring positions form one run."""
    return max(OW, 1) if stride[1] == 1 else 1
