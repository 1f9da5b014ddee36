"""A data set that lies on a GPU as bytes, and batches that are made there, each by one launch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minitorch_kernels.images import gather_images, gather_labels
from minitorch_kernels.images.gather import windows

from ..device import device, moved
from ..tensor import Tensor
from .places import places
from .stored import Stored, stored
from .transforms import ToTensor, batch_steps
from .transforms.views import NotResidentError, Views
from .uploads import free_bytes
from .whole_batches import batch_generator, makes_whole_batches, transform_draws


class ResidentImages:
    """The images and labels of a data set on `place`, moved there once, and what its transform makes of them.

    `dataset` is one of the published ones, a `Subset` or a `ClassSubset` of it. Its transform may flip, crop (with
    black around), resize (bilinear, once and before the rest), then ToTensor and Normalize. NotResidentError says what
    else there is, or how many bytes too large the images are. Numbers and random draws are those of the CPU's batches.
    """

    def __init__(self, dataset: Any, place: device):
        found = stored(dataset)
        self.geometry, pixelwise = split(found.transform)
        self.draws = transform_draws(found.transform)
        self.channels, *source = found.images.shape[1:]
        self.source = source[0], source[1]
        views = self.views(0, np.random.default_rng(0))
        self.size = views.size
        check_room(found, place)
        self.place = place
        # (M, C, H, W) -> (M, H, W, C), as published data sets lie already
        self.images = moved(np.ascontiguousarray(found.images.transpose(0, 2, 3, 1)), place).transpose(0, 3, 1, 2)
        self.labels = moved(np.ascontiguousarray(found.labels), place)
        self.windows = [moved(windows(*sizes), place) for sizes in zip(self.source, views.resized)]
        self.tones = moved(tones(pixelwise, self.channels), place)

    def __len__(self) -> int:
        return len(self.images)

    def views(self, count: int, generator: np.random.Generator | None) -> Views:
        """What `count` images are to look like, drawn as the CPU's batches draw it."""
        views = Views(count, *self.source)
        for step in self.geometry:
            step.view(views, generator)
        return views

    def tables(self, sizes: Sequence[int], seed: int | None, first: int = 0) -> np.ndarray:
        """The views int64 (S, 8) of batches of these sizes, of which the epoch's batch `first` is the first one.

        (1, 8) where nothing is drawn, so that all images look alike.
        """
        if not self.draws:
            return self.views(1, np.random.default_rng(0)).table
        tables = [self.views(size, batch_generator(seed, first + i)).table for i, size in enumerate(sizes)]
        return np.concatenate([np.empty((0, 8), np.int64), *tables])

    def orders(self, batches: Sequence[Any]) -> np.ndarray:
        """The indices of batches, int64 (S,); IndexError for those that are not there, negative ones count back."""
        indices = np.concatenate([np.empty(0, np.int64), *(places(batch) for batch in batches)])
        outside = indices[(indices < -len(self)) | (indices >= len(self))]
        if outside.size:
            raise IndexError(f"DataLoader: there is no sample {outside[0]} in a data set of {len(self)}")
        return indices % max(1, len(self))

    def queue(self, batches: Sequence[Any], seed: int | None, first: int = 0) -> Queue:
        """The batches of these indices, to be made one after the other; `first` is the first one's number."""
        sizes = [len(batch) for batch in batches]
        return Queue(self, self.orders(batches), self.tables(sizes, seed, first))


class Queue:
    """Batches that wait on the device: their order, their views, and how far they are made.

    All three keep their places in memory, and the place in the order is counted on the device.
    """

    def __init__(self, images: ResidentImages, order: np.ndarray, views: np.ndarray):
        self.source = images
        self.order, self.views, self.position = (
            moved(array, images.place) for array in (order, views, np.zeros(1, np.int64))
        )

    def next(self, count: int, end: int) -> list[Tensor]:
        """Images float32 (count, C, OH, OW) and labels int64 (count,); from `end` on the order starts again."""
        source = self.source
        images = gather_images(
            source.images, self.order, self.position, self.views, *source.windows, source.tones, count, source.size
        )
        labels = gather_labels(source.labels, self.order, self.position, count, end)
        return [Tensor(images), Tensor(labels)]


def split(transform: Any) -> tuple[list[Any], list[Any]]:
    """The steps that move pixels, and those that come after them and see each pixel alone: ToTensor and Normalize."""
    steps = [] if transform is None else batch_steps(transform)
    if steps is None:
        raise NotResidentError(f"the transform {type(transform).__name__} takes images one by one")
    geometry: list[Any] = []
    pixelwise: list[Any] = []
    for step in (method.__self__ for method in steps):  # type: ignore[attr-defined]
        kind, name = type(step), type(step).__name__
        if getattr(step, "pixelwise", False) and makes_whole_batches(kind, "pixelwise", "batch"):
            pixelwise.append(step)
        elif not makes_whole_batches(kind, "view", "batch"):
            raise NotResidentError(f"{name} computes pixels that only the CPU computes so far")
        elif pixelwise:
            raise NotResidentError(f"{name} comes after {type(pixelwise[-1]).__name__}; put it before")
        else:
            geometry.append(step)
    return geometry, pixelwise


def tones(pixelwise: Sequence[Any], channels: int) -> np.ndarray:
    """The number that each byte becomes in each channel, float32 (C, 256); bytes that stay bytes are divided by 255."""
    levels = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None, None], (256, channels, 1, 1))
    for step in pixelwise:
        levels = step.batch(levels)
    if levels.dtype == np.uint8:
        levels = ToTensor().batch(levels)
    return np.ascontiguousarray(levels[:, :, 0, 0].T)


def check_room(found: Stored, place: device) -> None:
    """NotResidentError where images and labels would take more than half of what the GPU has left."""
    needed, free = found.images.nbytes + found.labels.nbytes, free_bytes(place)
    if free is not None and needed > free // 2:
        raise NotResidentError(
            f"images and labels have {needed:,} bytes, more than half of the {free:,} that are free on {place}"
        )
