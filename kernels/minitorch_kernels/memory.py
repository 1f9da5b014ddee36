"""Where the kernels' buffers come from."""

from __future__ import annotations

from typing import Any

import numpy as np

poison = False  # the tests set this: every fresh buffer is filled with NaN, so that a missed write shows


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised C-contiguous array."""
    array = np.empty(shape, dtype)
    if poison and array.dtype.kind == "f":
        array.fill(np.nan)
    return array
