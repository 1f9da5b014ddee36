"""Other colours, and none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minitorch_kernels.images import adjust_color
from minitorch_kernels.images.adjust_color import UNCHANGED
from minitorch_kernels.layout import as_batch_first

from ...random import Generator
from .base import Transform
from .boxes import checked_range

NAMES = ("brightness", "contrast", "saturation", "hue")


class Changes(NamedTuple):
    """Factors float64 (N, 4) of brightness, contrast, saturation and hue, and the order int64 (N, 4) of these."""

    factors: np.ndarray
    order: np.ndarray


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue of each image changed at random and in random order (book section 14.1).

    brightness, contrast, saturation: a number a for a factor between max(0, 1 - a) and 1 + a, or (smallest, largest);
    hue: a from 0 to 1/2 for a shift between -a and a turns round the circle of colours, or (smallest, largest) inside
    [-1/2, 1/2]. None changes nothing. What the factors do, and how bytes are rounded, says `adjust_color`; images have
    three channels, or one, whose brightness and contrast alone change.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] | None = None,
        contrast: float | Sequence[float] | None = None,
        saturation: float | Sequence[float] | None = None,
        hue: float | Sequence[float] | None = None,
        generator: Generator | np.random.Generator | None = None,
    ):
        given = (brightness, contrast, saturation, hue)
        self.ranges = [factor_range(value, name) for value, name in zip(given, NAMES)]
        self.generator = generator

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, 1 or 3, H, W) -> the same shape and dtype."""
        check_channels(images, "ColorJitter")
        factors, order = self.draw(len(images), generator)
        return adjust_color(images, working_floats(factors, images), order)

    def draw(self, count: int, generator: np.random.Generator) -> Changes:
        """The changes for `count` images."""
        low, high = np.array(self.ranges).T
        order = np.tile(np.arange(4), (count, 1))
        return Changes(generator.uniform(low, high, (count, 4)), generator.permuted(order, axis=1))


def factor_range(value: float | Sequence[float] | None, name: str) -> tuple[float, float]:
    """The smallest and the largest factor that an argument of ColorJitter stands for."""
    unchanged = UNCHANGED[NAMES.index(name)]
    limits = (-0.5, 0.5) if name == "hue" else (0.0, float("inf"))
    if value is None:
        return unchanged, unchanged
    if not isinstance(value, (int, float)):
        return checked_range(value, *limits, f"ColorJitter: {name}")
    if not 0 <= value <= (0.5 if name == "hue" else float("inf")):
        allowed = "from 0 to 0.5" if name == "hue" else "0 or more"
        raise ValueError(f"ColorJitter: {name}={value} must be {allowed}, or a range (smallest, largest)")
    return max(unchanged - value, limits[0]), unchanged + value


class Grayscale(Transform):
    """The gray image, 0.299 R + 0.587 G + 0.114 B, in one channel or in three equal ones.

    Bytes are rounded as Pillow's convert("L") does; floats have torchvision's weights, whose first is 0.2989.
    """

    def __init__(self, num_output_channels: int = 1):
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels={num_output_channels} must be 1 or 3")
        self.num_output_channels = num_output_channels

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """(N, 1 or 3, H, W) -> (N, num_output_channels, H, W)."""
        check_channels(images, "Grayscale")
        if images.shape[1] == 1:
            stored = np.moveaxis(images, 0, -1)
            return as_batch_first(np.repeat(stored, self.num_output_channels, axis=0))  # (1, H, W, N) -> (N, C, H, W)
        no_color = np.tile([1.0, 1.0, 0.0, 0.0], (len(images), 1))
        order = np.tile(np.arange(4), (len(images), 1))
        return adjust_color(images, working_floats(no_color, images), order)[:, : self.num_output_channels]


def working_floats(factors: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The factors in the dtype in which colours are computed: the images' own, float32 for bytes."""
    return factors.astype(images.dtype if images.dtype.kind == "f" else np.float32)


def check_channels(images: np.ndarray, name: str) -> None:
    """ValueError for images of other than one or three channels."""
    if images.shape[1] not in (1, 3):
        raise ValueError(f"{name}: the images have {images.shape[1]} channels (shape {images.shape}) but need 1 or 3")
