"""Data sets: what has a length and gives its samples by index."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..random import Generator, numpy_generator
from ..tensor import Tensor
from .collate import default_collate
from .places import places
from .stored import Stored, stored
from .whole_batches import makes_whole_batches, takes_generator


class Dataset:
    """The samples `dataset[i]` for i in range(len(dataset)); a subclass defines `__getitem__` and `__len__`."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no __getitem__(index)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no __len__()")

    def fetch_batch(self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None) -> Any:
        """The samples at `indices`, stacked. A data set that lies in arrays overrides this: one indexing operation.

        generator: what to draw random numbers from, as a DataLoader hands it on; `fetch_batch(indices)` alone will do
        for a data set that needs none. One that takes it but draws nothing sets `draws = False`.
        """
        return default_collate(fetch_samples(self, indices, generator))


class TensorDataset(Dataset):
    """Tensors of the same length, whose i-th elements together are sample i: `TensorDataset(x, y)[i] == (x[i], y[i])`.

    NumPy arrays are taken as well, and wrapped. ValueError where the lengths differ.
    """

    draws = False

    def __init__(self, *tensors: Tensor | np.ndarray):
        self.tensors = tuple(tensor if isinstance(tensor, Tensor) else Tensor(tensor) for tensor in tensors)
        if len({len(tensor) for tensor in self.tensors}) != 1:
            shapes = ", ".join(str(tensor.shape) for tensor in self.tensors)
            raise ValueError(f"TensorDataset: needs tensors of one and the same length, got shapes {shapes or 'none'}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def fetch_batch(
        self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None
    ) -> list[Tensor]:
        """The rows at `indices` of every tensor, copied by one indexing operation each."""
        rows = places(indices)
        return [Tensor(tensor.detach().numpy()[rows]) for tensor in self.tensors]


class Subset(Dataset):
    """The samples of `dataset` at `indices`, in that order.

    indices: whole numbers, negative ones counted from the end. TypeError for others, such as a mask; IndexError for
    those that the data set does not have.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray | Tensor):
        self.dataset = dataset
        self.indices = indices if isinstance(indices, (list, tuple, range, np.ndarray)) else places(indices)
        check_range(places(indices), len(dataset))

    @property
    def draws(self) -> bool:
        """Whether the samples come with random numbers."""
        return draws(self.dataset)

    def stored(self) -> Stored:
        """The images of the subset before their transform."""
        return stored(self.dataset).at(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):  # of a data set that takes lists, such as TensorDataset
            return self.dataset[[int(self.indices[place]) for place in index]]
        return self.dataset[int(self.indices[index])]

    def __len__(self) -> int:
        return len(self.indices)

    def fetch_samples(
        self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None
    ) -> list[Any]:
        """The samples at these places among the subset's own indices, one by one."""
        return fetch_samples(self.dataset, [self.indices[index] for index in indices], generator)

    def fetch_batch(self, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None) -> Any:
        """The samples at these places among the subset's own indices, stacked."""
        return fetch_batch(self.dataset, [self.indices[index] for index in indices], generator)


def check_range(indices: np.ndarray, size: int) -> None:
    """IndexError for places outside a data set of this size."""
    outside = indices[(indices < -size) | (indices >= size)]
    if outside.size:
        raise IndexError(f"Subset: index {outside[0]} is outside the data set of {size} samples")


def draws(dataset: Any) -> bool:
    """Whether the samples of any data set come with random numbers: as its `draws` says, else if it takes a generator.

    The generator counts where the data set itself makes the batches; one that gives samples alone is never handed any.
    """
    said = getattr(dataset, "draws", None)
    if said is not None:
        return bool(said)
    whole = makes_whole_batches(type(dataset), "fetch_batch", "__getitem__")
    return whole and takes_generator(dataset.fetch_batch)


def fetch_batch(dataset: Any, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None) -> Any:
    """The samples of any data set at `indices`, stacked; by whole arrays where the data set can."""
    if not makes_whole_batches(type(dataset), "fetch_batch", "__getitem__"):
        return default_collate(fetch_samples(dataset, indices, generator))
    if takes_generator(dataset.fetch_batch):
        return dataset.fetch_batch(indices, generator=generator)
    return dataset.fetch_batch(indices)


def fetch_samples(
    dataset: Any, indices: Sequence[int] | np.ndarray, generator: np.random.Generator | None = None
) -> list[Any]:
    """The samples of any data set at `indices`, one by one; with the generator where its `fetch_samples` takes it."""
    if makes_whole_batches(type(dataset), "fetch_samples", "__getitem__"):
        return dataset.fetch_samples(indices, generator)
    return [dataset[index] for index in places(indices).tolist()]


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | np.random.Generator | None = None
) -> list[Subset]:
    """Disjoint random subsets of the given lengths, or of the given fractions where these sum to 1.

    What rounding the fractions down leaves over goes to the first subsets, one sample each; a subset that stays empty
    is warned of. ValueError for lengths that are no whole numbers of 0 or more, or do not sum to len(dataset). Unlike
    in torch, fractions may sum to a bit more than 1, as twenty times 0.05 does.
    """
    size = len(dataset)
    lengths = [length.item() if isinstance(length, np.generic) else length for length in lengths]
    if math.isclose(sum(lengths), 1):
        lengths = whole_lengths(size, lengths)
    if not all(length >= 0 and length % 1 == 0 for length in lengths):
        raise ValueError(
            f"random_split: lengths {lengths} must be whole numbers of 0 or more, or fractions that sum to 1"
        )
    if sum(lengths) != size:
        raise ValueError(f"random_split: lengths {lengths} sum to {sum(lengths)} but the data set has {size} samples")
    order = numpy_generator(generator).permutation(size)
    counts = [int(length) for length in lengths]
    return [Subset(dataset, order[end - count : end]) for end, count in zip(accumulate(counts), counts)]


def whole_lengths(size: int, fractions: list[float]) -> list[int]:
    """The fractions of `size`, rounded down, the remainder dealt out from the first on."""
    if any(not 0 <= fraction <= 1 for fraction in fractions):
        raise ValueError(f"random_split: fractions must be between 0 and 1, got {fractions}")
    lengths = [math.floor(size * fraction) for fraction in fractions]
    for i in range(size - sum(lengths)):
        lengths[i % len(lengths)] += 1
    if 0 in lengths:
        warnings.warn(
            f"random_split: of {size} samples, fractions {fractions} leave parts empty: {lengths}", stacklevel=3
        )
    return lengths
