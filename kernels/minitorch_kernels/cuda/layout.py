"""How activations lie in a GPU's memory: channels-last.

Tensors are logically (N, C, H, W), as everywhere. CUDA kernels return them stored as (N, H, W, C): neighbouring threads
take neighbouring channels, which every kernel can then read and write side by side, and which the matrix instructions
of a convolution sum over. On the CPU the batch is innermost instead (`layout.py`): there a vector lane takes an image.
"""

from __future__ import annotations

from typing import Any

from ..arrays import Array, empty_like
from .launch import dense


def stored_channels_last(x: Array) -> Array:
    """(N, C, ...) with any strides -> C-contiguous (N, ..., C); a view where x lies that way already, else a copy."""
    return dense(x.transpose(0, *range(2, x.ndim), 1))


def as_channels_second(stored: Array) -> Array:
    """(N, ..., C) as stored -> (N, C, ...) as tensors show it; a view."""
    return stored.transpose(0, stored.ndim - 1, *range(1, stored.ndim - 1))


def empty_channels_last(array: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """An uninitialised array on the device of `array`, by default of its type, of the logical `shape` (N, C, ...),
    stored channels-last."""
    N, C, *rest = shape
    return as_channels_second(empty_like(array, (N, *rest, C), dtype))
