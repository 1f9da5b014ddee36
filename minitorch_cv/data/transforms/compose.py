"""Transforms one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..whole_batches import makes_whole_batches


class Compose:
    """One transform after the other: `Compose([Resize(96), ToTensor()])`."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]):
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


def batch_steps(transform: Any) -> list[Callable[[np.ndarray, np.random.Generator], np.ndarray]] | None:
    """The steps that do to a whole batch what `transform` does to an image; None where one of them has no such form.

    Each is called as step(images, generator) with images (N, C, H, W).
    """
    if type(transform).__call__ is Compose.__call__:
        parts = [batch_steps(step) for step in transform.transforms]
        return None if None in parts else [step for part in parts for step in part or ()]
    return [transform.batch] if makes_whole_batches(type(transform), "batch", "__call__") else None
