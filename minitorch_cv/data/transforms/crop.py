"""Parts of images, and images with a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...random import Generator
from .base import Transform
from .options import height_and_width
from .padding import Fill, Margins, cut_out, margins, padding_mode_named
from .views import Views, check_black


class Pad(Transform):
    """Each image with `padding` more pixels on each side: one number, (across, down) or (left, top, right, bottom).

    padding_mode: "constant" (the colour `fill`, one number or one for each channel, in the images' units), "edge",
    "reflect" or "symmetric".
    """

    def __init__(self, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant"):
        self.padding = margins(padding, "Pad")
        self.fill = fill
        self.padding_mode = padding_mode_named(padding_mode, "Pad")

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """(N, C, H, W) -> (N, C, top + H + bottom, left + W + right)."""
        N, _, H, W = images.shape
        left, top, right, bottom = self.padding
        size = (top + H + bottom, left + W + right)
        if min(size) < 1:
            raise ValueError(f"Pad: padding {tuple(self.padding)} leaves nothing of images of size {(H, W)}")
        return cut_out(images, np.full(N, -top), np.full(N, -left), size, self.fill, self.padding_mode, "Pad")

    def view(self, views: Views, generator: np.random.Generator | None = None) -> None:
        """What `batch` does, written down."""
        check_black(self.fill, self.padding_mode, "Pad")
        left, top, right, bottom = self.padding
        size = (top + views.size[0] + bottom, left + views.size[1] + right)
        views.cut_out(np.full(len(views), -top), np.full(len(views), -left), size, "Pad")


class CenterCrop(Transform):
    """The middle of each image, `size` large: an int for a square, or (height, width).

    Where it is larger than the image, black is added around, as with torchvision.
    """

    def __init__(self, size: int | Sequence[int]):
        self.size = height_and_width(size, "CenterCrop")

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """(N, C, H, W) -> (N, C, *size)."""
        top, left = (np.full(len(images), middle(*sizes)) for sizes in zip(images.shape[2:], self.size))
        return cut_out(images, top, left, self.size, 0, "constant", "CenterCrop")

    def view(self, views: Views, generator: np.random.Generator | None = None) -> None:
        """What `batch` does, written down."""
        top, left = (np.full(len(views), middle(*sizes)) for sizes in zip(views.size, self.size))
        views.cut_out(top, left, self.size, "CenterCrop")


def middle(size: int, crop: int) -> int:
    """Where the crop begins, halves rounded to even; negative for a crop larger than the image."""
    return round((size - crop) / 2) if crop <= size else -((crop - size) // 2)


class Corners(NamedTuple):
    """Where the crops begin in the images, negative in the padding: int64 (N,) each."""

    tops: np.ndarray
    lefts: np.ndarray


class RandomCrop(Transform):
    """A part of each image, `size` large, from a random place of the padded image.

    padding, fill, padding_mode: as for Pad. pad_if_needed: where the image is still too small, as much is added on
    either side as is missing. ValueError for an image that is too small without it.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
        generator: Generator | np.random.Generator | None = None,
    ):
        self.size = height_and_width(size, "RandomCrop")
        self.padding = Margins(0, 0, 0, 0) if padding is None else margins(padding, "RandomCrop")
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode_named(padding_mode, "RandomCrop")
        self.generator = generator

    def batch(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """(N, C, H, W) -> (N, C, *size)."""
        N, _, H, W = images.shape
        tops, lefts = self.draw(N, H, W, generator)
        return cut_out(images, tops, lefts, self.size, self.fill, self.padding_mode, "RandomCrop")

    def view(self, views: Views, generator: np.random.Generator) -> None:
        """What `batch` does, written down."""
        check_black(self.fill, self.padding_mode, "RandomCrop")
        views.cut_out(*self.draw(len(views), *views.size, generator), self.size, "RandomCrop")

    def draw(self, count: int, height: int, width: int, generator: np.random.Generator) -> Corners:
        """The corners of the crops of `count` images of this size."""
        left, top, right, bottom = self.padding
        starts = []
        for size, before, after, crop in (height, top, bottom, self.size[0]), (width, left, right, self.size[1]):
            missing = crop - (before + size + after)
            if missing > 0 and self.pad_if_needed:
                before, after, missing = before + missing, after + missing, -missing
            if missing > 0:
                raise ValueError(
                    f"RandomCrop: size {self.size} is larger than the images, {(height, width)} with padding "
                    f"{tuple(self.padding)}; choose a smaller size, more padding or pad_if_needed=True"
                )
            starts.append(generator.integers(0, -missing + 1, count) - before)
        return Corners(*starts)
