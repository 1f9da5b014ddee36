"""`im2col` lays every window of an image out as a column, `col2im` is its adjoint: F.unfold and F.fold.

With columns a convolution is one matrix product; that is how the references in `conv2d` are written.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import elements, launch
from .cuda.layout import as_channels_second, stored_channels_last
from .jit import jit, prange
from .kernel import Kernel
from .layout import as_batch_first, stored_batch_last
from .memory import empty

Pair = tuple[int, int]


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Positions of the window along each axis: ⌊(in + 2p - d(k - 1) - 1) / s⌋ + 1.

    Raises ValueError where the window does not fit into the padded input.
    """
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))
    if any(n + 2 * p < span for n, p, span in zip(size, padding, spans)):
        raise ValueError(
            f"a kernel of {kernel} with dilation {dilation} spans {spans}, more than the input {size} with padding "
            f"{padding}; use a smaller kernel or more padding"
        )
    OH, OW = ((n + 2 * p - span) // s + 1 for n, p, s, span in zip(size, padding, stride, spans))
    return OH, OW


def im2col_reference(x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> np.ndarray:
    """cols[n, (c, ky, kx), (oy, ox)] = x[n, c, oy s - p + ky d, ox s - p + kx d], 0 outside the image.

    x (N, C, H, W) -> cols (N, C KH KW, OH OW); stride, padding and dilation per axis.
    """
    N, C, H, W = x.shape
    (KH, KW), (OH, OW) = kernel, output_size((H, W), kernel, stride, padding, dilation)
    padded = padded_batch_last(x, padding)
    cols = empty((C, KH, KW, OH, OW, N), x.dtype)
    for ky in range(KH):
        for kx in range(KW):
            rows, columns = tap_slices((ky, kx), (OH, OW), stride, dilation)
            cols[:, ky, kx] = padded[:, rows, columns]
    return as_batch_first(cols.reshape(C * KH * KW, OH * OW, N))


def col2im_reference(
    cols: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """x[n, c, y, x] = Σ of all entries of cols that im2col copied from there: the adjoint of im2col.

    cols (N, C KH KW, OH OW) -> x (N, C, H, W) with (H, W) = size.
    """
    N, CKK, _ = cols.shape
    (KH, KW), (OH, OW) = kernel, output_size(size, kernel, stride, padding, dilation)
    C, (H, W), (ph, pw) = CKK // (KH * KW), size, padding
    windows = stored_batch_last(cols).reshape(C, KH, KW, OH, OW, N)
    padded = np.zeros((C, H + 2 * ph, W + 2 * pw, N), cols.dtype)
    for ky in range(KH):
        for kx in range(KW):
            rows, columns = tap_slices((ky, kx), (OH, OW), stride, dilation)
            padded[:, rows, columns] += windows[:, ky, kx]
    return as_batch_first(np.ascontiguousarray(padded[:, ph : ph + H, pw : pw + W]))


def padded_batch_last(x: np.ndarray, padding: Pair) -> np.ndarray:
    """x (N, C, H, W) -> (C, H + 2p, W + 2p, N) with zeros around the image."""
    stored = stored_batch_last(x)
    if padding == (0, 0):
        return stored
    (C, H, W, N), (ph, pw) = stored.shape, padding
    padded = empty((C, H + 2 * ph, W + 2 * pw, N), x.dtype)
    padded[:, :ph] = padded[:, ph + H :] = 0
    padded[:, ph : ph + H, :pw] = padded[:, ph : ph + H, pw + W :] = 0
    padded[:, ph : ph + H, pw : pw + W] = stored
    return padded


def tap_slices(tap: Pair, out: Pair, stride: Pair, dilation: Pair) -> tuple[slice, slice]:
    """What a tap of the kernel sees while the window takes all its positions in a padded image."""
    rows, columns = (slice(k * d, k * d + (n - 1) * s + 1, s) for k, n, s, d in zip(tap, out, stride, dilation))
    return rows, columns


def im2col_cpu(x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> np.ndarray:
    N, C, H, W = x.shape
    (KH, KW), (OH, OW) = kernel, output_size((H, W), kernel, stride, padding, dilation)
    cols = empty((C, KH, KW, OH, OW, N), x.dtype)
    gather_windows(stored_batch_last(x), cols, *stride, *padding, *dilation)
    return as_batch_first(cols.reshape(C * KH * KW, OH * OW, N))


def col2im_cpu(cols: np.ndarray, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> np.ndarray:
    N, CKK, _ = cols.shape
    (KH, KW), (OH, OW) = kernel, output_size(size, kernel, stride, padding, dilation)
    x = empty((CKK // (KH * KW), *size, N), cols.dtype)
    gather_taps(stored_batch_last(cols).reshape(len(x), KH, KW, OH, OW, N), x, *stride, *padding, *dilation)
    return as_batch_first(x)


@jit(parallel=True)
def gather_windows(x, cols, sy, sx, py, px, dy, dx):
    """cols[c, ky, kx, oy, ox, n] = x[c, oy sy - py + ky dy, ox sx - px + kx dx, n], 0 outside."""
    C, H, W, N = x.shape
    _, KH, KW, OH, OW, _ = cols.shape
    for row in prange(C * KH * KW):
        c, ky, kx = row // (KH * KW), row // KW % KH, row % KW
        for oy in range(OH):
            for ox in range(OW):
                iy, ix = oy * sy - py + ky * dy, ox * sx - px + kx * dx
                inside = 0 <= iy < H and 0 <= ix < W
                for n in range(N):
                    cols[c, ky, kx, oy, ox, n] = x[c, iy, ix, n] if inside else 0


@jit(parallel=True)
def gather_taps(cols, x, sy, sx, py, px, dy, dx):
    """x[c, iy, ix, n] = Σ cols[c, ky, kx, oy, ox, n] over the windows and taps that meet at (iy, ix)."""
    C, H, W, N = x.shape
    _, KH, KW, OH, OW, _ = cols.shape
    for plane in prange(C * H):
        c, iy = plane // H, plane % H
        for ix in range(W):
            for n in range(N):
                x[c, iy, ix, n] = 0
            for ky in range(KH):
                from_top = iy + py - ky * dy
                for kx in range(KW):
                    from_left = ix + px - kx * dx
                    oy, ox = from_top // sy, from_left // sx
                    if from_top == oy * sy and from_left == ox * sx and 0 <= oy < OH and 0 <= ox < OW:
                        for n in range(N):
                            x[c, iy, ix, n] += cols[c, ky, kx, oy, ox, n]


def im2col_cuda(x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    N, C, H, W = x.shape
    (KH, KW), (OH, OW) = kernel, output_size((H, W), kernel, stride, padding, dilation)
    stored, cols = stored_channels_last(x), empty_like(x, (N, OH * OW, C * KH * KW))
    sizes = (cols.size, C, H, W, KH, KW, OH, OW, *stride, *padding, *dilation)
    launch("im2col.cu", "gather_windows", *elements(cols.size), stored, cols, *sizes)
    return as_channels_second(cols)


def col2im_cuda(cols: Array, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    N, CKK, _ = cols.shape
    (KH, KW), (OH, OW) = kernel, output_size(size, kernel, stride, padding, dilation)
    C = CKK // (KH * KW)
    stored, x = stored_channels_last(cols), empty_like(cols, (N, *size, C))
    sizes = (x.size, C, *size, KH, KW, OH, OW, *stride, *padding, *dilation)
    launch("im2col.cu", "gather_taps", *elements(x.size), stored, x, *sizes)
    return as_channels_second(x)


im2col = Kernel("im2col", im2col_reference, im2col_cpu, im2col_cuda)
col2im = Kernel("col2im", col2im_reference, col2im_cpu, col2im_cuda)
