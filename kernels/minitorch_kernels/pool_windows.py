"""Where the windows of a pooling lie: how many there are, which cells each one sees, which requests are refused.

Along an axis, window i begins at cell i * stride - padding. Cells outside 0 .. size - 1 are padding.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .arrays import Array, array_module

Pair = tuple[int, int]


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows an axis has: floor((size + 2 padding - span) / stride) + 1, span = dilation (kernel - 1) + 1.

    With `ceil_mode` the quotient is rounded up: the last window may hang over the right edge, but it must begin inside
    the input or the left padding. A result below 1 says that no window fits.
    """
    room = size + 2 * padding - span(kernel, dilation)
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    last_start = (count - 1) * stride - padding
    return count - 1 if last_start >= size else count


def pooled_shape(
    name: str, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Pair:
    """(H, W) -> (OH, OW), after the checks that all poolings share. `name` opens the text of an error.

    Raises ValueError for a size, kernel, stride or dilation below 1, for a padding that is negative or more than half
    the kernel, and for a kernel that is larger than the padded input.
    """
    for what, pair in (("input size", size), ("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if min(pair) < 1:
            raise ValueError(f"{name}: {what} {pair} must be at least 1 in both directions")
    half = (kernel[0] // 2, kernel[1] // 2)
    if not (0 <= padding[0] <= half[0] and 0 <= padding[1] <= half[1]):
        raise ValueError(
            f"{name}: padding {padding} must be at least 0 and at most half the kernel {kernel}, so at most {half}"
        )
    pooled = tuple(pooled_size(*axis, ceil_mode) for axis in zip(size, kernel, stride, padding, dilation))
    if min(pooled) < 1:
        reach = f"kernel {kernel}" if dilation == (1, 1) else f"kernel {kernel} with dilation {dilation}"
        padded = (size[0] + 2 * padding[0], size[1] + 2 * padding[1])
        raise ValueError(
            f"{name}: {reach} is larger than the padded input {padded}; choose a smaller kernel or pad more"
        )
    return pooled[0], pooled[1]


def span(kernel: int, dilation: int) -> int:
    """From the first cell of a window to its last, both counted."""
    return dilation * (kernel - 1) + 1


def padded_windows(
    x: np.ndarray, fill: float, pooled: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)
) -> tuple[np.ndarray, np.ndarray]:
    """x (..., H, W) -> x padded with `fill`, and the view (..., OH, OW, KH, KW) of its windows.

    No window is copied: a value written into the view lands in the padded array.
    """
    spans = (span(kernel[0], dilation[0]), span(kernel[1], dilation[1]))
    widths = [(0, 0)] * (x.ndim - 2)
    for size, count, reach, s, p in zip(x.shape[-2:], pooled, spans, stride, padding):
        last_end = (count - 1) * s - p + reach
        widths.append((p, max(0, last_end - size)))
    padded = np.pad(x, widths, constant_values=fill)
    at_every_cell = sliding_window_view(padded, spans, axis=(-2, -1), writeable=True)
    return padded, at_every_cell[..., :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def window_spans(size: int, count: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> np.ndarray:
    """(count, 2): first input cell of each window, and one past its last. Padding is cut off."""
    start = np.arange(count) * stride - padding
    end = np.minimum(start + span(kernel, dilation), size)
    return np.stack([np.where(start < 0, start % dilation, start), end], axis=1)


def adaptive_spans(size: int, count: int) -> np.ndarray:
    """(count, 2): cells floor(i size / count) .. ceil((i + 1) size / count) - 1 for window i of an adaptive pooling."""
    i = np.arange(count)
    return np.stack([i * size // count, -(-(i + 1) * size // count)], axis=1)


def spans_seen_from_cells(spans: np.ndarray, size: int) -> np.ndarray:
    """(size, 2): first window that holds each cell, and one past the last. The windows must have no dilation."""
    cell = np.arange(size)
    starts, ends = spans[:, 0], spans[:, 1]
    return np.stack([np.searchsorted(ends, cell, "right"), np.searchsorted(starts, cell, "right")], axis=1)


class Places(NamedTuple):
    """Windows with numbered places: kh KW + kw is cell (rows[i, 0] + kh dilation[0], cols[j, 0] + kw dilation[1]).

    rows (OH, 2) and cols (OW, 2) hold where each window begins, perhaps in the padding, and one past its last cell of
    the input. kernel (KH, KW) is the size of the largest window, stride (0, 0) says that windows divide the input
    evenly.
    """

    rows: np.ndarray
    cols: np.ndarray
    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def positions(self, places: Array, W: int) -> Array:
        """places (N, C, OH, OW) -> h W + w of their cells (h, w) in rows of W cells, int64; -1 for none."""
        xp = array_module(places)
        kh, kw = divmod(places.astype(np.int64), self.kernel[1])
        h = xp.asarray(self.rows[:, :1]) + kh * self.dilation[0]
        w = xp.asarray(self.cols[:, 0]) + kw * self.dilation[1]
        return xp.where(places == np.iinfo(places.dtype).max, -1, h * W + w)


def place_type(kernel: Pair) -> type:
    """The smallest type for the places of a window and one number more, its largest, which says: none."""
    return np.uint8 if kernel[0] * kernel[1] <= 255 else np.int32


@lru_cache(maxsize=256)
def strided_places(size: Pair, pooled: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Places:
    """The windows of a pooling with a stride."""

    def spans(axis: int) -> np.ndarray:
        begin = np.arange(pooled[axis]) * stride[axis] - padding[axis]
        return np.stack([begin, np.minimum(begin + span(kernel[axis], dilation[axis]), size[axis])], axis=1)

    return Places(spans(0), spans(1), kernel, stride, padding, dilation)


@lru_cache(maxsize=256)
def adaptive_places(size: Pair, pooled: Pair) -> Places:
    """The windows of an adaptive pooling."""
    rows, cols = adaptive_spans(size[0], pooled[0]), adaptive_spans(size[1], pooled[1])
    kernel = int(np.diff(rows).max(initial=0)), int(np.diff(cols).max(initial=0))
    return Places(rows, cols, kernel, (0, 0), (0, 0), (1, 1))
