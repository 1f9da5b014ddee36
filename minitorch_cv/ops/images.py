"""What operations on images share: options for each axis, and a batch axis for a single image."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor

Pair = tuple[int, int]


def pair(operation: str, option: str, value: Any, least: int) -> Pair:
    """An option as (vertical, horizontal): one number stands for both. RuntimeError for anything below `least`."""
    values = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) not in (1, 2):
        raise RuntimeError(f"{operation}: {option} is {value}; give one number, or two: (vertical, horizontal)")
    vertical, horizontal = int(values[0]), int(values[-1])
    if min(vertical, horizontal) < least:
        raise RuntimeError(f"{operation}: {option} is {value} but must be at least {least}")
    return vertical, horizontal


def batch_of_images(operation: str, input: Tensor) -> Tensor:
    """(N, C, H, W) as it is; one image (C, H, W) -> (1, C, H, W). RuntimeError for other ranks, and for integers."""
    if input.ndim not in (3, 4):
        raise RuntimeError(
            f"{operation}: x has shape {input.shape} but must be (N, C, H, W), or (C, H, W) for one image"
        )
    if not input.is_floating_point():
        raise RuntimeError(f"{operation}: x is {input.dtype} but must be floating point; convert with .float()")
    return input if input.ndim == 4 else input.unsqueeze(0)


def like_batch_of(input: Tensor, y: Tensor) -> Tensor:
    """Undo `batch_of_images`: drop the batch axis of `y` that `input` did not have."""
    return y if input.ndim == 4 else y.squeeze(0)
