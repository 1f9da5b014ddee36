"""Images into tensors of floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Tensor
from .base import Transform


class ToTensor(Transform):
    """y = x / 255: a PIL image, or uint8 (H, W) or (H, W, C), -> float32 (C, H, W) in [0, 1].

    Arrays of other dtypes keep dtype and values, as with torchvision.
    """

    pixelwise = True

    def __call__(self, image: Any) -> Tensor:
        array = np.asarray(image)
        if array.ndim not in (2, 3):
            raise ValueError(f"ToTensor: an image has shape (H, W) or (H, W, C), got {array.shape}")
        planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)  # -> (C, H, W)
        return Tensor(self.batch(planes[None])[0])

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """uint8 (N, C, H, W) -> float32 in [0, 1], batch-last in memory; other dtypes keep their values."""
        # The kernels want the batch contiguous; to turn bytes around costs a quarter of turning floats.
        stored = np.moveaxis(images, 0, -1).copy(order="C")  # (N, C, H, W) -> (C, H, W, N)
        if images.dtype == np.uint8:
            stored = np.divide(stored, np.float32(255), dtype=np.float32)
        return np.moveaxis(stored, -1, 0)  # (C, H, W, N) -> (N, C, H, W)
