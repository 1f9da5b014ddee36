"""What the kernels on images share: bytes as well as floats, and image after image inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import is_on_gpu
from ..kernel import Kernel
from ..layout import as_batch_first, stored_batch_last

STAND_IN = np.empty(0, np.float32)


class ImageKernel(Kernel):
    """A kernel whose compiled version takes uint8 pixels too."""

    def pick(self, args: tuple[Any, ...]) -> Callable[..., Any]:
        """As for any kernel, where bytes count as float32."""
        return super().pick(tuple(STAND_IN if is_bytes(arg) and not is_on_gpu(arg) else arg for arg in args))


def is_bytes(value: Any) -> bool:
    """True for an array of uint8."""
    return isinstance(value, np.ndarray) and value.dtype == np.uint8


def batch_last(images: np.ndarray) -> np.ndarray:
    """The same logical (N, C, H, W), stored with the batch contiguous; a view where it is stored so already.

    Kernels whose images go different ways (a box, a colour of its own each) work image after image and end with this.
    """
    return as_batch_first(stored_batch_last(images))
