"""Element-wise kernels see any dense array as one flat run of memory."""

from __future__ import annotations

import numpy as np


def memory_axes(x: np.ndarray) -> list[int]:
    """The axes of `x` from the slowest to the fastest in memory."""
    return sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))


def lies_in(x: np.ndarray, axes: list[int]) -> bool:
    """Whether `x` is dense in the order of `axes`, so that `flat` gives a view of it."""
    return x.transpose(axes).flags.c_contiguous


def flat(x: np.ndarray, axes: list[int]) -> np.ndarray:
    """The elements of `x` in the order of `axes`: a view where `x` lies in it, else a copy."""
    return x.transpose(axes).ravel()


def unflatten(elements: np.ndarray, shape: tuple[int, ...], axes: list[int]) -> np.ndarray:
    """Flat elements in the order of `axes` -> the logical `shape`; a view. The inverse of `flat`."""
    stored = elements.reshape([shape[axis] for axis in axes])
    return stored.transpose([axes.index(axis) for axis in range(len(axes))])
