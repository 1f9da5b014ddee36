"""Images into tensors, one at a time as torchvision's transforms do, or a batch at once by `batch`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from .whole_batches import makes_whole_batches


class ToTensor:
    """y = x / 255: a PIL image, or uint8 (H, W) or (H, W, C), -> float32 (C, H, W) in [0, 1].

    Arrays of other dtypes keep dtype and values, as with torchvision.
    """

    def __call__(self, image: Any) -> Tensor:
        array = np.asarray(image)
        if array.ndim not in (2, 3):
            raise ValueError(f"ToTensor: an image has shape (H, W) or (H, W, C), got {array.shape}")
        planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)  # -> (C, H, W)
        if planes.dtype == np.uint8:
            return Tensor(np.divide(planes, np.float32(255), dtype=np.float32))
        return Tensor(planes.copy())

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """uint8 (N, C, H, W) -> float32 in [0, 1], batch-last in memory; other dtypes keep their values."""
        # The kernels want the batch contiguous; to turn bytes around costs a quarter of turning floats.
        stored = np.moveaxis(images, 0, -1).copy(order="C")  # (N, C, H, W) -> (C, H, W, N)
        if images.dtype == np.uint8:
            stored = np.divide(stored, np.float32(255), dtype=np.float32)
        return np.moveaxis(stored, -1, 0)  # (C, H, W, N) -> (N, C, H, W)


class Resize:
    """A PIL image at another size, bilinear with Pillow's smoothing.

    size: (height, width), or the length of the shorter side.
    """

    def __init__(self, size: int | Sequence[int]):
        self.size = size

    def __call__(self, image: Any) -> Any:
        from PIL import Image

        height, width = self.target(image.height, image.width)
        return image.resize((width, height), Image.Resampling.BILINEAR)

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """uint8 (N, C, H, W) -> uint8 (N, C, H', W'), each image exactly as by itself."""
        from PIL import Image

        out = np.empty((*images.shape[:2], *self.target(*images.shape[2:])), np.uint8)
        for index in np.ndindex(*images.shape[:2]):
            out[index] = self(Image.fromarray(np.ascontiguousarray(images[index])))
        return out

    def target(self, height: int, width: int) -> tuple[int, int]:
        """The height and width that an image of this height and width gets."""
        if not isinstance(self.size, int):
            height, width = self.size
            return height, width
        if height <= width:
            return self.size, self.size * width // height
        return self.size * height // width, self.size


class Compose:
    """One transform after the other: `Compose([Resize(96), ToTensor()])`."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


def batch_steps(transform: Any) -> list[Callable[[np.ndarray, np.random.Generator], np.ndarray]] | None:
    """The steps that do to a whole batch what `transform` does to an image; None where one of them has no such form."""
    steps: Sequence[Any] = transform.transforms if isinstance(transform, Compose) else [transform]
    if all(makes_whole_batches(type(step), "batch", "__call__") for step in steps):
        return [step.batch for step in steps]
    return None
