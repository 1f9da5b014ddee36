"""Convolution and its gradients in plain NumPy: lay the windows out as columns, multiply."""

from __future__ import annotations

import math

import numpy as np

from ..im2col import Pair, col2im_reference, im2col_reference, output_size
from ..layout import as_batch_first, stored_batch_last


def conv2d_reference(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """y[n, o, oy, ox] = b[o] + Σ_{c, ky, kx} w[o, c, ky, kx] x[n, c, oy s - p + ky d, ox s - p + kx d].

    x (N, C, H, W), w (O, C/g, KH, KW), b (O,) or None -> y (N, O, OH, OW). With groups g, output o sees the C/g
    channels of its group. Source: Dive into Deep Learning, chapter 7.
    """
    OH, OW = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cols = split_groups(im2col_reference(x, w.shape[2:], stride, padding, dilation), groups)
    y = filter_matrix(w, groups) @ cols  # (G, O/g, CKK) @ (G, CKK, OH OW N)
    y = as_batch_first(y.reshape(len(w), OH, OW, len(x)))
    return y if b is None else y + b[:, None, None]


def conv2d_input_grad_reference(
    dy: np.ndarray, w: np.ndarray, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """dx = col2im(wᵀ dy): each input collects w · dy over the windows and taps that saw it.

    dy (N, O, OH, OW), w (O, C/g, KH, KW) -> dx (N, C, H, W) with (H, W) = size.
    """
    N, O, OH, OW = dy.shape
    cols = filter_matrix(w, groups).swapaxes(1, 2) @ split_groups(dy.reshape(N, O, OH * OW), groups)
    cols = as_batch_first(cols.reshape(groups * cols.shape[1], OH * OW, N))  # (G, CKK, OH OW N) -> (N, G CKK, OH OW)
    return col2im_reference(cols, size, w.shape[2:], stride, padding, dilation)


def conv2d_weight_grad_reference(
    dy: np.ndarray, x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> np.ndarray:
    """dw[o, c, ky, kx] = Σ_{n, oy, ox} dy[n, o, oy, ox] x[n, c, oy s - p + ky d, ox s - p + kx d].

    dy (N, O, OH, OW), x (N, C, H, W) -> dw (O, C/g, KH, KW).
    """
    N, O, OH, OW = dy.shape
    cols = split_groups(im2col_reference(x, kernel, stride, padding, dilation), groups)
    dw = split_groups(dy.reshape(N, O, OH * OW), groups) @ cols.swapaxes(1, 2)
    return dw.reshape(O, x.shape[1] // groups, *kernel)  # (G, O/g, CKK) -> (O, C/g, KH, KW)


def split_groups(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, R, L) -> (G, R/g, L N): a matrix per group."""
    N, R, L = x.shape
    return stored_batch_last(x).reshape(groups, R // groups, L * N)


def filter_matrix(w: np.ndarray, groups: int) -> np.ndarray:
    """(O, C/g, KH, KW) -> (G, O/g, C/g KH KW)."""
    return w.reshape(groups, len(w) // groups, math.prod(w.shape[1:]))
