"""Images mixed with other images of their batch, which makes a network less sure where it should not be."""

from __future__ import annotations

import numpy as np

from ..random import Generator, numpy_generator
from ..tensor import Tensor


class Mixing:
    """Called with images (N, C, H, W) and labels (N,), gives mixed images and probabilities (N, num_classes).

    Each image is mixed with the one before it in the batch; a share λ of its own stays, drawn for each batch from
    Beta(alpha, alpha), by `generator` or else the default one. torchvision's transforms.v2 has the same.
    """

    def __init__(self, num_classes: int, alpha: float = 1.0, generator: Generator | None = None):
        if not alpha > 0:
            raise ValueError(f"{type(self).__name__}: alpha={alpha} must be above 0, for instance 0.2 or 1.0")
        self.num_classes = num_classes
        self.alpha = alpha
        self.generator = generator

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        rng = numpy_generator(self.generator)
        array, share = self.mixed(images.numpy(), float(rng.beta(self.alpha, self.alpha)), rng)
        classes = np.eye(self.num_classes, dtype=array.dtype)[labels.numpy()]  # (N,) -> (N, K)
        return Tensor(array), Tensor(blended(classes, share))

    def mixed(self, images: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """The images, of which `share` stays, and the share that did stay."""
        raise NotImplementedError


class MixUp(Mixing):
    """x <- λ x_i + (1 - λ) x_{i-1}, labels alike. Source: Zhang et al., 2017, arXiv:1710.09412."""

    def mixed(self, images: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        return blended(images, share), share


class CutMix(Mixing):
    """A box of image i that covers 1 - λ of it comes from image i - 1; labels by area. Source: arXiv:1905.04899.

    The box lies anywhere around a random centre and is cut off at the border; its remaining area counts.
    """

    def mixed(self, images: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        H, W = images.shape[2:]
        y, x = int(rng.integers(H)), int(rng.integers(W))
        half_height, half_width = (int(0.5 * (1 - share) ** 0.5 * side) for side in (H, W))
        rows = slice(max(y - half_height, 0), min(y + half_height, H))
        columns = slice(max(x - half_width, 0), min(x + half_width, W))
        out = images.copy(order="K")
        out[..., rows, columns] = np.roll(images, 1, axis=0)[..., rows, columns]
        return out, 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (H * W)


def blended(values: np.ndarray, share: float) -> np.ndarray:
    """share values_i + (1 - share) values_{i-1} along the batch."""
    kept = values.dtype.type(share)
    return kept * values + (1 - kept) * np.roll(values, 1, axis=0)
