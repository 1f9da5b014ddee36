"""Samples into batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch of the samples, which all have the form of the first, as torch makes it.

    Tensors and arrays of shape S are stacked to (N, *S); Python floats become a float64 tensor (N,), ints int64, bools
    bool; text stays a list. In tuples, lists and dictionaries each entry is collated; a tuple gives a list of batches.
    TypeError for other types, ValueError for samples that differ in shape, length or keys.
    """
    first = samples[0]
    if isinstance(first, Tensor):
        return stack([sample.detach().numpy() for sample in samples])
    if isinstance(first, (np.ndarray, np.generic)) and first.dtype.kind in "biuf":
        return stack(samples)
    if isinstance(first, (bool, int, float)):
        return Tensor(np.array(samples))
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        return collate_entries(samples)
    raise TypeError(
        f"DataLoader: cannot stack samples of type {type(first).__name__}; the data set should give tensors, "
        "arrays, numbers, text, or tuples, lists and dictionaries of these (an image needs transform=ToTensor()), "
        "or pass collate_fn"
    )


def stack(arrays: Sequence[Any]) -> Tensor:
    """Arrays of shape S -> a tensor (N, *S)."""
    shapes = {np.shape(array) for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"DataLoader: samples of one batch differ in shape: {sorted(shapes)}; resize or pad them to one"
        )
    return Tensor(np.stack(arrays))


def collate_entries(samples: Sequence[Any]) -> Any:
    """N tuples or lists of K entries -> a list (or the same kind of named tuple) of K batches."""
    lengths = {len(sample) for sample in samples}
    if len(lengths) > 1:
        raise ValueError(f"DataLoader: samples of one batch have different numbers of entries: {sorted(lengths)}")
    entries = [default_collate(entry) for entry in zip(*samples)]
    return type(samples[0])(*entries) if hasattr(samples[0], "_fields") else entries
