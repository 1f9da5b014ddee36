"""What all transforms share: written for a batch, they work on one image as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...random import Generator, numpy_generator
from ...tensor import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

PIL_MODES = ("L", "RGB")


class Transform:
    """Images into images. A transform says in `batch` what it does to a batch; on one image it does the same.

    `batch(images, generator)`: images (N, C, H, W), uint8 from 0 to 255 or floats from 0 to 1, with any strides, ->
    images of the same dtype, batch-last in memory. All that is random comes from `generator`, anew for every image.

    `transform(image)`: a PIL image (mode L or RGB) gives a PIL image, a tensor or array (C, H, W) a tensor. What is
    random comes from the `generator` that the transform was made with, or else from the default one.

    A transform that only moves pixels, or resizes, may have `view(views, generator)` too: what `batch` does, written
    down for batches that are made on a GPU (`Views`).
    """

    generator: Generator | np.random.Generator | None = None
    pixelwise = False  # whether each pixel becomes what it does whatever the others are, and wherever it lies

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} defines no batch(images, generator)")

    def __call__(self, image: Any) -> Any:
        name = type(self).__name__
        generator = numpy_generator(self.generator)
        if is_pil(image):
            return to_pil(self.batch(pil_planes(image, name)[None], generator)[0])
        return Tensor(self.batch(tensor_planes(image, name)[None], generator)[0])


def is_pil(image: Any) -> bool:
    """True for a PIL image, without importing Pillow."""
    return hasattr(image, "getbands")


def pil_planes(image: Image, name: str) -> np.ndarray:
    """A PIL image -> uint8 (C, H, W). ValueError for a mode other than L and RGB."""
    if image.mode not in PIL_MODES:
        raise ValueError(f"{name}: the PIL image has mode {image.mode!r}; convert it first, by image.convert('RGB')")
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)  # -> (C, H, W)


def to_pil(planes: np.ndarray) -> Image:
    """uint8 (1 or 3, H, W) -> a PIL image."""
    from PIL import Image

    return Image.fromarray(planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0)))


def tensor_planes(image: Any, name: str) -> np.ndarray:
    """A tensor or array (C, H, W) of bytes or floats, as an array. TypeError, ValueError for anything else."""
    if not isinstance(image, (Tensor, np.ndarray)):
        raise TypeError(f"{name}: takes a PIL image or a tensor (C, H, W), got {type(image).__name__}")
    array = image.detach().numpy() if isinstance(image, Tensor) else image
    if array.ndim != 3:
        raise ValueError(f"{name}: an image has shape (C, H, W), got {array.shape}; many go through {name}.batch")
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"{name}: pixels are uint8 from 0 to 255 or floats from 0 to 1, got {array.dtype}")
    return array
