"""What a data set is before its transform: bytes and labels, each in one array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .places import places
from .transforms.views import NotResidentError
from .whole_batches import makes_whole_batches

MAKES_SAMPLES = ("__getitem__", "fetch_batch", "fetch_samples", "sample", "target")


@dataclass
class Stored:
    """Images uint8 (M, C, H, W), labels int64 (M,), and the transform that the images are still to go through."""

    images: np.ndarray
    labels: np.ndarray
    transform: Any

    def at(self, indices: Any) -> Stored:
        """The samples at `indices`, copied."""
        rows = places(indices)
        return Stored(self.images[rows], self.labels[rows], self.transform)


def stored(dataset: Any) -> Stored:
    """What the data set's own `stored()` gives; NotResidentError where it has none, or other arrays.

    So also where a subclass makes samples of its own, which `stored()` knows nothing of.
    """
    if not all(makes_whole_batches(type(dataset), "stored", name) for name in MAKES_SAMPLES):
        raise NotResidentError(f"{type(dataset).__name__} does not say which array of bytes its images lie in")
    found = dataset.stored()
    if found.images.dtype != np.uint8 or found.labels.dtype != np.int64 or 0 in found.images.shape[1:]:
        raise NotResidentError(
            f"images of {found.images.dtype} {found.images.shape[1:]} and labels of {found.labels.dtype}, where uint8 "
            "and int64 are wanted"
        )
    return found
