"""dw: sums over all positions and images, one for each weight."""

from __future__ import annotations

import numpy as np

from ..im2col import Pair, im2col, padded_batch_last
from ..layout import stored_batch_last
from ..matmul import dots, matmul
from .positions import runs_would_be_short
from .reference import split_groups

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
