"""What lies beyond the edges of an image, as the index of the pixel that is taken there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minitorch_kernels.images import take_pixels

MODES = ("constant", "edge", "reflect", "symmetric")

Fill = float | Sequence[float]


class Margins(NamedTuple):
    """How many pixels are added on each side."""

    left: int
    top: int
    right: int
    bottom: int


def margins(padding: int | Sequence[int], name: str) -> Margins:
    """One number for all sides, (left and right, top and bottom), or (left, top, right, bottom); negative ones crop."""
    numbers = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(numbers) not in (1, 2, 4):
        raise ValueError(f"{name}: padding is one number, two (across, down) or four (left, top, ...), got {padding!r}")
    return Margins(*(numbers * (4 // len(numbers))))


def padding_mode_named(mode: str, name: str) -> str:
    """The mode itself; ValueError for a name that is none."""
    if mode not in MODES:
        raise ValueError(f"{name}: padding_mode {mode!r} is unknown; choose one of {', '.join(map(repr, MODES))}")
    return mode


def reflected(cells: np.ndarray, size: int, mode: str) -> np.ndarray:
    """The pixel that stands in each cell of a row of `size` pixels that goes on beyond its edges; -1 for the fill.

    Of 0 1 2 3: constant -1 -1 0 1 2 3 -1, edge 0 0 0 1 2 3 3, reflect 2 1 0 1 2 3 2, symmetric 1 0 0 1 2 3 3.
    """
    if mode == "constant" or size == 0:
        return np.where((cells >= 0) & (cells < size), cells, -1)
    if mode == "edge":
        return np.clip(cells, 0, size - 1)
    if mode == "symmetric":
        return np.minimum(cells % (2 * size), -(cells + 1) % (2 * size))
    period = max(2 * size - 2, 1)
    return np.minimum(cells % period, -cells % period)


def cut_out(
    images: np.ndarray, tops: np.ndarray, lefts: np.ndarray, size: tuple[int, int], fill: Fill, mode: str, name: str
) -> np.ndarray:
    """The window of `size` at (tops[n], lefts[n]) of image n, which may hang over the edges: (N, C, *size)."""
    H, W = images.shape[2:]
    rows = reflected(np.asarray(tops)[:, None] + np.arange(size[0]), H, mode)
    cols = reflected(np.asarray(lefts)[:, None] + np.arange(size[1]), W, mode)
    return take_pixels(images, rows, cols, fill_color(fill, images, name))


def fill_color(fill: Fill, images: np.ndarray, name: str) -> np.ndarray:
    """A number for all channels, or one for each, in the images' dtype. ValueError for another count, or no byte."""
    values, channels = np.atleast_1d(np.asarray(fill, np.float64)), images.shape[1]
    if len(values) not in (1, channels):
        raise ValueError(
            f"{name}: {len(values)} colour values {fill} for images of {channels} channels; give {channels}, or one"
        )
    if images.dtype == np.uint8 and ((values < 0) | (values > 255)).any():
        raise ValueError(f"{name}: colour {fill} does not fit into bytes; choose values from 0 to 255")
    return np.broadcast_to(values.astype(images.dtype), (channels,))
