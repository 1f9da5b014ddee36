"""Images at another size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minitorch_kernels.images import resample, take_pixels

from .base import Transform
from .options import InterpolationMode, Pair, height_and_width, interpolation_mode
from .views import NotResidentError, Views


class Resize(Transform):
    """The images at another size, with Pillow's smoothing: the same bytes as Image.resize (see `resample`).

    size: (height, width), or the length of the shorter side; then the longer one keeps the proportions, rounded down,
    and where it would pass max_size, that is its length. interpolation: "bilinear" or "nearest"; bilinear always
    antialiases, and nearest takes the pixel at the centre of each new one, as Pillow does.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: str = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ):
        height_and_width(size, "Resize")  # refuses what is no size
        self.size = size if isinstance(size, int) or len(size) == 2 else size[0]
        self.interpolation = interpolation_mode(interpolation, antialias, "Resize")
        self.max_size = max_size
        if max_size is not None and (not isinstance(self.size, int) or max_size <= self.size):
            raise ValueError(
                f"Resize: max_size={max_size} limits the longer side where size is the length of the shorter one; "
                f"with size={size!r} leave it out or choose a larger one"
            )

    def batch(self, images: np.ndarray, generator: np.random.Generator | None = None) -> np.ndarray:
        """(N, C, H, W) -> (N, C, H', W') of the same dtype."""
        H, W = images.shape[2:]
        if not H * W:
            raise ValueError(f"Resize: images of shape {images.shape} have no pixels")
        boxes = np.broadcast_to(np.array([0, 0, H, W]), (len(images), 4))
        return resized(images, boxes, self.target(H, W), self.interpolation)

    def view(self, views: Views, generator: np.random.Generator | None = None) -> None:
        """What `batch` does, written down."""
        check_bilinear(self.interpolation, "Resize")
        if (target := self.target(*views.size)) != views.size:
            views.resize(views.boxes, target, "Resize")

    def target(self, height: int, width: int) -> Pair:
        """The height and width that an image of this height and width gets."""
        if not isinstance(self.size, int):
            return self.size[0], self.size[1]
        short = self.size
        long = short * max(height, width) // min(height, width)
        if self.max_size is not None and long > self.max_size:
            short, long = self.max_size * short // long, self.max_size
        return (short, long) if height <= width else (long, short)


def resized(images: np.ndarray, boxes: np.ndarray, size: Pair, interpolation: InterpolationMode) -> np.ndarray:
    """The box (top, left, height, width) of each image at `size`: boxes int64 (N, 4) -> (N, C, *size)."""
    if interpolation is InterpolationMode.BILINEAR:
        return resample(images, boxes, size)
    top, left, height, width = boxes.T
    fill = np.zeros(images.shape[1], images.dtype)
    return take_pixels(images, nearest_cells(top, height, size[0]), nearest_cells(left, width, size[1]), fill)


def check_bilinear(interpolation: InterpolationMode, name: str) -> None:
    """NotResidentError for the nearest neighbour."""
    if interpolation is not InterpolationMode.BILINEAR:
        raise NotResidentError(f"{name} takes the {interpolation} neighbour")


def nearest_cells(start: np.ndarray, length: np.ndarray, count: int) -> np.ndarray:
    """start, length (N,) -> int64 (N, count): the cell in which the centre (j + 1/2) length / count of each falls."""
    step = length / count
    places = np.repeat(step[:, None], count, axis=1)
    places[:, 0] *= 0.5
    # One step after the other, as Pillow: where a centre falls on an edge, rounding decides.
    return start[:, None] + np.add.accumulate(places, axis=1).astype(np.int64)
