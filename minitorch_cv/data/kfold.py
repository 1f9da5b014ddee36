"""K-fold cross-validation: every sample validates once."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..random import Generator, numpy_generator
from .datasets import Subset


def k_fold(
    dataset: Any, k: int, shuffle: bool = True, generator: Generator | np.random.Generator | None = None
) -> Iterator[tuple[Subset, Subset]]:
    """The k pairs (train, validation) of subsets: each fold validates the model that the k - 1 others trained.

    The folds hold n // k samples, the first n % k of them one more; within a fold and within the rest the samples keep
    their order. shuffle deals the samples into the folds at random, by one draw from `generator` or the default one;
    otherwise the folds follow one another. ValueError where k is not from 2 to n, TypeError where it is no whole
    number. Book section 5.7.
    """
    n = len(dataset)
    if not 2 <= operator.index(k) <= n:
        raise ValueError(f"k_fold: k must be from 2 to the number of samples, got k={k} with {n} samples")
    order = numpy_generator(generator).permutation(n) if shuffle else np.arange(n)
    return (split(dataset, np.sort(fold)) for fold in np.array_split(order, k))


def split(dataset: Any, fold: np.ndarray) -> tuple[Subset, Subset]:
    """(all samples but those of the fold, those of the fold)."""
    rest = np.delete(np.arange(len(dataset)), fold)
    return Subset(dataset, rest), Subset(dataset, fold)
