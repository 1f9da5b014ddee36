"""Some of the classes of a data set, as a data set of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..tensor import Tensor
from .datasets import Subset
from .places import places
from .stored import Stored


class ClassSubset(Subset):
    """The images of these classes, in the order of the data set: the class that is named first has label 0, and so on.

    dataset: one that has `classes` and `targets`, such as FashionMNIST, CIFAR10 or ImageFolder. classes: some of its
    class names. per_class: at most so many images of each class, the first ones; all for None. The subset has `classes`
    and `targets` too, so that subsets of it can be made. ValueError names classes that the data set does not have.
    """

    def __init__(self, dataset: Any, classes: Sequence[str], per_class: int | None = None):
        old_labels = labels_of(classes, dataset.classes)
        if per_class is not None and per_class < 1:
            raise ValueError(f"ClassSubset: per_class={per_class}; choose 1 or more, or None for all")
        targets = dataset.targets.numpy() if isinstance(dataset.targets, Tensor) else np.asarray(dataset.targets)
        places = [np.flatnonzero(targets == label)[:per_class] for label in old_labels]
        labels = np.repeat(np.arange(len(places)), [len(part) for part in places])
        indices = np.concatenate(places)
        order = np.argsort(indices)
        super().__init__(dataset, indices[order])
        self.classes = tuple(classes)
        self.targets = labels[order]

    def stored(self) -> Stored:
        """The images of these classes before their transform, and their labels in the subset."""
        return replace(super().stored(), labels=self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return super().__getitem__(index)[0], int(self.targets[index])

    def fetch_samples(
        self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None
    ) -> list[Any]:
        """The samples at these places in the subset, one by one."""
        samples = super().fetch_samples(indices, generator)
        return [(image, int(self.targets[index])) for (image, _), index in zip(samples, indices)]

    def fetch_batch(self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None) -> Any:
        """The images at these places in the subset, stacked, and their labels int64 (B,)."""
        images, _ = super().fetch_batch(indices, generator)
        return [images, Tensor(self.targets[places(indices)])]

    def __repr__(self) -> str:
        return f"ClassSubset({len(self):,} images of {', '.join(self.classes)})"


def labels_of(classes: Sequence[str], known: Sequence[str]) -> list[int]:
    """The labels of these classes; ValueError for unknown ones, for one that comes twice, and for none at all."""
    unknown = [name for name in classes if name not in known]
    if unknown:
        raise ValueError(f"no class {', '.join(map(repr, unknown))}; choose among: {', '.join(known)}")
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f"classes {list(classes)}: name at least one class, and each of them once")
    return [list(known).index(name) for name in classes]
