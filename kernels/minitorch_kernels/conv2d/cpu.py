"""The compiled convolution and its gradients: each asks `choose` and calls what it says."""

from __future__ import annotations

import numpy as np

from ..im2col import Pair, col2im, im2col, output_size
from ..layout import as_batch_first
from ..matmul import matmul
from . import positions, weight_grad
from .choice import choose
from .planes import conv2d_input_grad_planes, conv2d_planes
from .reference import filter_matrix, split_groups
from .winograd import conv2d_input_grad_winograd, conv2d_winograd
from .winograd_grad import conv2d_weight_grad_winograd
from .winograd_rows import conv2d_input_grad_winograd_rows, conv2d_weight_grad_winograd_rows, conv2d_winograd_rows

ROWS = "winograd 1x4"


def conv2d_cpu(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    algorithm = choose(x.shape, w.shape, stride, padding, dilation, groups, x.dtype)
    finite = all_finite(w)
    if algorithm == ROWS and finite:
        return conv2d_winograd_rows(x, w, b, padding)
    if algorithm.startswith("winograd") and finite:
        return conv2d_winograd(x, w, b, padding, output_tile_of(algorithm))
    if algorithm == "planes":
        return conv2d_planes(x, w, b, stride, padding, dilation, groups)
    if algorithm == "im2col" or (padding != (0, 0) and not finite):  # on the padding 0 · Inf is NaN
        cols = split_groups(im2col(x, w.shape[2:], stride, padding, dilation), groups)
        out = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
        y = as_batch_first(matmul(filter_matrix(w, groups), cols).reshape(len(w), *out, len(x)))
        return y if b is None else np.add(y, b[:, None, None], out=y)
    return positions.conv2d_cpu(x, w, b, stride, padding, dilation, groups)


def conv2d_input_grad_cpu(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), (_, Cg, KH, KW) = dy.shape, w.shape
    if stride == dilation == (1, 1):  # dx is the convolution of dy with the filter turned round
        reach = KH - 1 - padding[0], KW - 1 - padding[1]
        algorithm = choose(dy.shape, (Cg * groups, O, KH, KW), stride, reach, dilation, groups, dy.dtype, "dx")
    else:
        algorithm = choose((N, Cg * groups, *size), w.shape, stride, padding, dilation, groups, dy.dtype, "dx")
    if algorithm == ROWS and all_finite(w):
        return conv2d_input_grad_winograd_rows(dy, w, size, padding)
    if algorithm.startswith("winograd") and all_finite(w):
        return conv2d_input_grad_winograd(dy, w, size, padding, output_tile_of(algorithm))
    if algorithm == "planes" and all_finite(w):
        return conv2d_input_grad_planes(dy, w, size, stride, padding, dilation, groups)
    if algorithm == "im2col":
        cols = matmul(filter_matrix(w, groups).swapaxes(1, 2), split_groups(dy.reshape(N, O, OH * OW), groups))
        cols = as_batch_first(cols.reshape(groups * cols.shape[1], OH * OW, N))
        return col2im(cols, size, (KH, KW), stride, padding, dilation)
    return positions.conv2d_input_grad_cpu(dy, w, size, stride, padding, dilation, groups)


def conv2d_weight_grad_cpu(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    (N, O, OH, OW), C = dy.shape, x.shape[1]
    algorithm = choose(x.shape, (O, C // groups, *kernel), stride, padding, dilation, groups, x.dtype, "dw")
    if algorithm == ROWS:
        return conv2d_weight_grad_winograd_rows(dy, x, kernel, padding)
    if algorithm.startswith("winograd"):
        return conv2d_weight_grad_winograd(dy, x, kernel, padding, output_tile_of(algorithm))
    if algorithm == "im2col":
        cols = split_groups(im2col(x, kernel, stride, padding, dilation), groups)
        dw = matmul(split_groups(dy.reshape(N, O, OH * OW), groups), cols.swapaxes(1, 2))
        return dw.reshape(O, C // groups, *kernel)
    return weight_grad.conv2d_weight_grad_cpu(dy, x, kernel, stride, padding, dilation, groups)


def output_tile_of(algorithm: str) -> int:
    """'winograd 4x4' -> 4."""
    return int(algorithm[-1])


def all_finite(w: np.ndarray) -> bool:
    """Whether no weight is Inf or NaN; also False where their sum overflows. One sum is cheaper than a look at each."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(w.sum()))
