"""`interpolate`: images in another size.

Along each axis, output i lies somewhere between two elements of x, and takes a weighted mean of them (bilinear) or the
one that is nearer. The weights of an axis form a matrix A of OH x H with one or two numbers in each row, so that

    forward  y = A_rows x A_columnsᵀ
    backward dx = A_rowsᵀ dy A_columns
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module

from ..tensor import Tensor
from .differentiable import differentiable
from .images import Pair
from .pool import adaptive_avg_pool2d

Axis = tuple[int, int, float | None, str, bool]  # what `weights_of` makes a matrix of
MODES = ("nearest", "nearest-exact", "bilinear", "area")


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """y = x enlarged or reduced to `size`, or to ⌊scale_factor · size of x⌋; each is one number or one for each axis.

    x (N, C, H, W) -> y (N, C, OH, OW). Pixels are squares side by side: the centre of output i lies at
    (i + 1/2) / scale - 1/2 in x, and bilinear mode takes the weighted mean of its two neighbours, along both axes.
    With align_corners it lies at i (H - 1) / (OH - 1), so that the outermost centres coincide. "nearest" takes element
    ⌊i / scale⌋, "nearest-exact" the one whose square holds the centre, both reckoned in float32 as torch does; "area"
    is adaptive average pooling. A scale_factor is used as given, also where the size was rounded down, unless
    recompute_scale_factor. Not offered: other modes and ranks, and antialias.
    ValueError or RuntimeError for a size that is missing, given twice or empty.
    """
    check_mode(input, mode, align_corners, antialias)
    scales = None if scale_factor is None else one_for_each_axis("scale_factor", scale_factor)
    wanted = target(input, size, scales, recompute_scale_factor)
    if mode == "area":
        return adaptive_avg_pool2d(input, wanted)
    used = (None, None) if scales is None or recompute_scale_factor else scales
    axes = [(n, out, scale, mode, bool(align_corners)) for n, out, scale in zip(input.shape[2:], wanted, used)]
    return resampled(input, *axes)


@differentiable
def resampled(x: Array, down: Axis, across: Axis) -> Any:
    """y = rows x columnsᵀ with the weights of both axes; dx = rowsᵀ dy columns."""
    xp = array_module(x)
    rows, columns = (xp.asarray(weights_of(*axis, x.dtype)) for axis in (down, across))
    return kernels.resample2d(x, rows, columns), (lambda dy: kernels.resample2d(dy, rows.T, columns.T),)


@functools.lru_cache(maxsize=32)
def weights_of(n: int, out: int, scale: float | None, mode: str, align_corners: bool, dtype: Any) -> np.ndarray:
    """(out, n): the weight of each of n elements in each of `out` outputs, read-only."""
    weights = np.zeros((out, n))
    places = np.arange(out)
    if mode == "bilinear":
        source = bilinear_source(n, out, scale, align_corners)
        below = np.minimum(source.astype(np.int64), n - 1)
        share = source - below
        weights[places, below] = 1 - share
        weights[places, np.minimum(below + 1, n - 1)] += share
    else:
        weights[places, nearest_source(n, out, scale, mode)] = 1
    weights = weights.astype(dtype)
    weights.flags.writeable = False
    return weights


def bilinear_source(n: int, out: int, scale: float | None, align_corners: bool) -> np.ndarray:
    """Where in x the centre of each output lies, 0 .. n - 1."""
    places = np.arange(out)
    if out == n:
        return places.astype(np.float64)
    if align_corners:
        return places * ((n - 1) / (out - 1) if out > 1 else 0.0)
    step = 1 / scale if scale else n / out
    return (step * (places + 0.5) - 0.5).clip(0, n - 1)


def nearest_source(n: int, out: int, scale: float | None, mode: str) -> np.ndarray:
    """Which element of x each output copies; in float32, whose rounding decides where two are as near."""
    places = np.arange(out)
    if mode == "nearest" and out in (n, 2 * n):
        return places * n // out
    step = np.float32(1 / scale) if scale else np.float32(n) / np.float32(out)
    shift = np.float32(0.5 if mode == "nearest-exact" else 0)
    source = np.floor((places.astype(np.float32) + shift) * step).astype(np.int64)
    return source.clip(0, n - 1)


def check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    """NotImplementedError for what is not offered, ValueError for options that do not go together."""
    if mode not in MODES:
        raise NotImplementedError(f"interpolate: mode={mode!r}; choose one of {', '.join(map(repr, MODES))}")
    if align_corners is not None and mode != "bilinear":
        raise ValueError(f"interpolate: align_corners={align_corners} means nothing with mode={mode!r}; leave it out")
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not offered; average with avg_pool2d or mode='area'")
    if input.ndim != 4:
        raise NotImplementedError(f"interpolate: x has shape {input.shape} but must be (N, C, H, W)")
    if not input.is_floating_point():
        raise NotImplementedError(f"interpolate: x is {input.dtype} but must be floating point; convert with .float()")


def target(input: Tensor, size: Any, scales: Any, recompute_scale_factor: bool | None) -> Pair:
    """(OH, OW). ValueError unless exactly one of size and scale_factor is given; RuntimeError for an empty image."""
    if (size is None) == (scales is None):
        raise ValueError(f"interpolate: give one of size and scale_factor, got size={size} and scale_factor={scales}")
    if size is not None:
        if recompute_scale_factor:
            raise ValueError(f"interpolate: recompute_scale_factor means nothing with size={size}; leave it out")
        sizes = one_for_each_axis("size", size)
        if any(not isinstance(n, (int, np.integer)) for n in sizes):
            raise TypeError(f"interpolate: size is {size} but must be one or two integers")
    else:
        sizes = tuple(n * scale for n, scale in zip(input.shape[2:], scales))
    OH, OW = (int(n) for n in sizes)
    if min(OH, OW, *input.shape[2:]) < 1:
        raise RuntimeError(f"interpolate: {input.shape[2:]} becomes ({OH}, {OW}); both must be at least (1, 1)")
    return OH, OW


def one_for_each_axis(option: str, value: Any) -> tuple[Any, Any]:
    """An option as (vertical, horizontal); one number stands for both. ValueError for any other count."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(values) != 2:
        raise ValueError(f"interpolate: {option} is {value}; give one number, or two: (vertical, horizontal)")
    return values
