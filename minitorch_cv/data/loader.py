"""Batches from a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..random import Generator, numpy_generator
from .datasets import fetch_batch


class DataLoader:
    """The samples of a data set in batches: `for x, y in DataLoader(dataset, 256, shuffle=True): ...`

    Names, order and defaults are torch's. A data set that lies in arrays (`FashionMNIST`, `TensorDataset`, a `Subset`
    of one) gives each batch by one indexing operation; of any other with `__len__` and `__getitem__` the samples are
    fetched one by one and stacked (`default_collate`, or `collate_fn`).

    shuffle draws a new order at the start of each epoch, from `generator` (a `minitorch_cv.Generator` or a
    numpy.random.Generator) or else the default one, which `manual_seed` sets: the same seed gives the same epochs. One
    draw makes the entire order, so that an epoch broken off early does not change the next ones.
    sampler: the indices of an epoch in their order; batch_sampler: lists of indices. drop_last leaves out the last
    batch where it would be smaller.

    Everything runs in the calling thread: num_workers, pin_memory, prefetch_factor and persistent_workers, which tune
    torch's speed, are accepted and change nothing; timeout, worker_init_fn and multiprocessing_context are refused.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: None = None,
        multiprocessing_context: None = None,
        generator: Generator | np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
    ):
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(
                f"DataLoader: {type(dataset).__name__} lacks __len__ or __getitem__; give it both, as data sets "
                "that can only be iterated are not supported"
            )
        if timeout or worker_init_fn is not None or multiprocessing_context is not None:
            raise ValueError(
                "DataLoader: timeout, worker_init_fn and multiprocessing_context are not supported, as there are no "
                "worker processes; leave them out"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler sets the order and so does shuffle=True; give one of them")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last; leave them out"
                )
        elif not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive whole number, got {batch_size!r}")
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None else None
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        batches = self.batch_sampler if self.batch_sampler is not None else self.index_batches(self.order())
        return map(self.fetch, batches)

    def __len__(self) -> int:
        if self.batch_size is None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        samples = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def order(self) -> Any:
        """The indices of one epoch."""
        if self.sampler is not None:
            return list(self.sampler)
        if self.shuffle:
            return numpy_generator(self.generator).permutation(len(self.dataset))
        return np.arange(len(self.dataset))

    def index_batches(self, order: Any) -> Iterator[Any]:
        """The order cut into batches."""
        size = self.batch_size or 1
        end = len(order) // size * size if self.drop_last else len(order)
        return (order[start : start + size] for start in range(0, end, size))

    def fetch(self, indices: Any) -> Any:
        """The batch of the samples at `indices`."""
        if self.collate_fn is not None:
            return self.collate_fn([self.dataset[int(index)] for index in indices])
        return fetch_batch(self.dataset, indices)
