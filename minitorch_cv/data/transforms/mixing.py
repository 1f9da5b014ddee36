"""Batches mixed with themselves: every image with the one before it, and their labels alike."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minitorch_kernels.layout import as_batch_first

from ...random import Generator, numpy_generator
from ...tensor import Tensor


class Mixing:
    """A transform of a whole batch: (images (N, C, H, W), labels) -> (mixed images, class probabilities (N, K)).

    labels: class numbers (N,), for which num_classes is needed, or probabilities (N, K). Tensors or arrays; the results
    are tensors. Image i is mixed with image i - 1, the first with the last, so the batch should be shuffled. The share
    of the image itself is drawn from Beta(alpha, alpha), one for the batch, from `generator` or else the default one.
    Names, order and defaults are torchvision's (transforms.v2), which takes no generator and no arrays.
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        generator: Generator | np.random.Generator | None = None,
    ):
        if not alpha > 0:
            raise ValueError(f"{type(self).__name__}: alpha={alpha} must be above 0, for a Beta distribution")
        self.alpha = float(alpha)
        self.num_classes = num_classes
        self.generator = generator

    def __call__(self, images: Any, labels: Any) -> tuple[Tensor, Tensor]:
        name = type(self).__name__
        pixels, classes = (a.detach().numpy() if isinstance(a, Tensor) else np.asarray(a) for a in (images, labels))
        if pixels.ndim != 4 or len(pixels) != len(classes):
            raise ValueError(f"{name}: takes images (N, C, H, W) and N labels, got {pixels.shape} and {classes.shape}")
        if pixels.dtype.kind != "f":
            raise TypeError(f"{name}: mixes images of floats, got {pixels.dtype}; put ToTensor() before it")
        mixed, share = self.mix(pixels, numpy_generator(self.generator))
        own = class_probabilities(classes, self.num_classes, name)
        return Tensor(mixed), Tensor(share * own + (own.dtype.type(1) - share) * before(own))

    def mix(self, images: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.float32]:
        """The mixed images, and the share that each has in its place."""
        raise NotImplementedError(f"{type(self).__name__} defines no mix(images, generator)")


class MixUp(Mixing):
    """y[i] = share x[i] + (1 - share) x[i - 1], of images and of labels (Zhang et al., "mixup", 2017)."""

    def mix(self, images: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.float32]:
        share = np.float32(self.draw(generator))
        stored = np.moveaxis(images, 0, -1)
        mixed = np.multiply(stored, images.dtype.type(share), order="C")
        mixed += np.roll(stored, 1, axis=-1) * images.dtype.type(1 - share)
        return as_batch_first(mixed), share

    def draw(self, generator: np.random.Generator) -> float:
        """The share of the images themselves."""
        return generator.beta(self.alpha, self.alpha)


class Patch(NamedTuple):
    """Rows top to bottom - 1 and columns left to right - 1."""

    top: int
    bottom: int
    left: int
    right: int


class CutMix(Mixing):
    """y[i] = x[i] with a box of x[i - 1] in its place; the labels by their areas (Yun et al., "CutMix", 2019).

    The box would have a share of 1 - lambda of the image, lambda from Beta(alpha, alpha), with its middle anywhere;
    what hangs over the edges is cut off.
    """

    def mix(self, images: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.float32]:
        H, W = images.shape[2:]
        top, bottom, left, right = self.draw(H, W, generator)
        mixed = np.moveaxis(images, 0, -1).copy(order="C")
        mixed[:, top:bottom, left:right] = np.moveaxis(before(images[:, :, top:bottom, left:right]), 0, -1)
        return as_batch_first(mixed), np.float32(1 - (bottom - top) * (right - left) / (H * W))

    def draw(self, height: int, width: int, generator: np.random.Generator) -> Patch:
        """The box for images of this size."""
        half = 0.5 * np.sqrt(1 - generator.beta(self.alpha, self.alpha))
        edges = []
        for size in (height, width):
            middle, reach = int(generator.integers(size)), int(half * size)
            edges += [max(middle - reach, 0), min(middle + reach, size)]
        return Patch(*edges)


def before(rows: np.ndarray) -> np.ndarray:
    """Row i - 1 in place i, the last one in place 0."""
    return np.roll(rows, 1, axis=0)


def class_probabilities(labels: np.ndarray, num_classes: int | None, name: str) -> np.ndarray:
    """Class numbers (N,) -> float32 (N, num_classes), 1 for the class; probabilities (N, K) as they are, in floats."""
    if labels.ndim == 2:
        if num_classes not in (None, labels.shape[1]):
            raise ValueError(
                f"{name}: num_classes={num_classes} but the labels have shape {labels.shape}; leave it out"
            )
        return labels if labels.dtype.kind == "f" else labels.astype(np.float32)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: labels are class numbers (N,) or probabilities (N, K), got {labels.dtype} {labels.shape}"
        )
    if num_classes is None:
        raise ValueError(f"{name}: num_classes is needed for labels that are class numbers, {name}(num_classes=10)")
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if outside.size:
        raise ValueError(
            f"{name}: label {outside[0]} is outside 0 to {num_classes - 1}, which num_classes={num_classes} allows"
        )
    return np.eye(num_classes, dtype=np.float32)[labels]
