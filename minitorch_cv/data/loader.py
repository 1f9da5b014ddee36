"""Batches from a data set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..device import CPU, usable
from ..random import Generator, numpy_generator
from .datasets import draws, fetch_batch, fetch_samples
from .device_batches import DeviceBatches
from .prefetch import prefetched
from .resident import ResidentImages
from .transforms.views import NotResidentError
from .uploads import on_every_tensor, pinned
from .whole_batches import batch_generator

AHEAD = 2
HIGHEST_SEED = 2**63


@dataclass
class Epoch:
    """One pass over the data: the state its generator began with, its batches of indices, how many are handed out.

    seed: what the random numbers of its batches come from; None where they need none.
    """

    generator: dict[str, Any]
    batches: Iterable[Any]
    seed: int | None
    handed: int = 0


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

    A data set that draws random numbers, to augment its images, gets them from a generator of each batch's own:
    `dataset.fetch_batch(indices, np.random.default_rng([seed, batch]))`. The seed is one integer that `generator` gives
    after the order; data sets that draw nothing cost no number, so evaluating does not move the default generator. What
    is drawn depends neither on who prepares a batch nor on the batches before it.

    num_workers=0 prepares a batch when it is asked for; from 1 on, *one* thread, whatever the number, keeps
    `prefetch_factor` batches (2) ready while the caller trains. A thread, not torch's processes, because the work is
    done in NumPy and compiled kernels, which leave Python's lock to others and spread over the cores themselves; so
    nothing is copied between processes, and the batches are the same bit for bit. Samples of a data set of one's own
    are then fetched in that thread: random numbers that it takes from a shared generator come in no certain order.

    state_dict() and load_state_dict(), as torchdata's StatefulDataLoader has them, go on in the middle of an epoch.
    persistent_workers is accepted and changes nothing; timeout, worker_init_fn and multiprocessing_context, which are
    about processes, are refused.

    device, which torch's class has not: where the batches are to be, "cuda" or "cuda-sim" (None and "cpu" leave them
    where they are made). A published data set, or a subset of one, is moved there as a whole, as bytes, when the loader
    is made; from then on it is not looked at again. The indices and the random numbers of an epoch follow at its start,
    and each batch is cut out, augmented and normalised there by one launch: the same images as on the CPU. Where that
    cannot be, as the transform computes new colours or the images are too many bytes for the GPU, batches are made on
    the CPU and moved; `resident` is None then and `why_not_resident` says why. Mixing (mixup) reads batches on the CPU.

    pin_memory: batches that are made on the CPU are moved to `device`, a GPU, from pinned memory, while Python goes on;
    with num_workers=1 the thread that prepares them fills that memory. Without a GPU it changes nothing.
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
        device: Any = None,
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
        if num_workers < 0:
            raise ValueError(f"DataLoader: num_workers must be 0 or more, got {num_workers}")
        if prefetch_factor is not None and (num_workers == 0 or prefetch_factor < 1):
            raise ValueError(
                f"DataLoader: prefetch_factor must be 1 or more and needs num_workers=1, got {prefetch_factor} with "
                f"num_workers={num_workers}"
            )
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None else None
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.prefetch_factor = AHEAD if num_workers and prefetch_factor is None else prefetch_factor
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        numpy_generator(generator)  # which complains of what is none
        self.generator = generator
        self.device = CPU if device is None else usable(device)
        self.pin_memory = pin_memory and self.device.type == "cuda"
        self.resident: ResidentImages | None = None
        self.why_not_resident = "batches are for the CPU"
        if self.device != CPU:
            try:
                self.resident, self.why_not_resident = self.make_resident(), ""
            except NotResidentError as reason:
                self.why_not_resident = str(reason)
        self._current: Epoch | None = None
        self._to_resume: Epoch | None = None

    def __iter__(self) -> Iterator[Any]:
        epoch = self._to_resume or self.begin_epoch()
        self._current, self._to_resume = epoch, None
        if self.resident is not None:
            return self.counted(epoch, self.made_there(epoch, self.resident))
        numbered = islice(enumerate(epoch.batches), epoch.handed, None)
        tasks = ((indices, batch_generator(epoch.seed, number)) for number, indices in numbered)
        return self.counted(epoch, self.moved(self.prepared(tasks)))

    def __len__(self) -> int:
        if self.batch_size is None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        samples = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def on_device(self) -> DeviceBatches:
        """Batches for a recorded step, which asks for the next one itself. NotResidentError says why there are none."""
        return DeviceBatches(self, self.resident or self.make_resident())

    def make_resident(self) -> ResidentImages:
        """The data set on the device; NotResidentError where it, its transform or collate_fn do not allow that."""
        if self.collate_fn is not None:
            raise NotResidentError("collate_fn makes the batches")
        return ResidentImages(self.dataset, self.device)

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch under way stands, as plain numbers and text that JSON can hold.

        "generator" is the state of the loader's generator as it was when the epoch began, and "batch" the number of its
        batches that the caller has; batches prepared ahead do not count. Between epochs, "batch" is 0.
        """
        if self._current is None:
            return {"generator": generator_state(self.generator), "batch": 0}
        return {"generator": copy.deepcopy(self._current.generator), "batch": self._current.handed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next pass go on where `state` was taken: the same order and random numbers, from the next batch on.

        Sets the loader's generator to what an uninterrupted epoch leaves; where the loader draws from the default
        generator, restore that one afterwards, as dropout has moved it since. A sampler of one's own must give its
        order once more. ValueError where the state has more batches than the loader, so comes from another.
        """
        if state["batch"] > len(self):
            raise ValueError(
                f"DataLoader: the state has {state['batch']} batches of an epoch behind it but this loader has only "
                f"{len(self)}; give it the data set and batch_size of the loader that the state is from"
            )
        numpy_generator(self.generator).bit_generator.state = copy.deepcopy(state["generator"])
        self._current = self._to_resume = None
        if state["batch"]:
            self._current = self._to_resume = self.begin_epoch()
            self._current.handed = state["batch"]

    def begin_epoch(self, order: Any = None) -> Epoch:
        """The next epoch, in an order of its own or a given one; takes from the generator all that it needs of it."""
        began = generator_state(self.generator)
        if self.batch_sampler is not None:
            batches: Iterable[Any] = self.batch_sampler
        else:
            batches = self.index_batches(self.order() if order is None else order)
        seed = int(numpy_generator(self.generator).integers(HIGHEST_SEED)) if draws(self.dataset) else None
        return Epoch(began, batches, seed)

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

    def prepared(self, tasks: Iterator[tuple[Any, np.random.Generator | None]]) -> Iterator[Any]:
        """The batches of the tasks, in the caller's thread or ahead of it in another."""
        if self.num_workers:
            return prefetched(self.fetch, tasks, self.prefetch_factor or AHEAD)
        return (self.fetch(*task) for task in tasks)

    def made_there(self, epoch: Epoch, resident: ResidentImages) -> Iterator[Any]:
        """The batches that are left of an epoch, made on the device."""
        left = list(epoch.batches)[epoch.handed :]
        queue = resident.queue(left, epoch.seed, epoch.handed)
        for indices in left:
            yield queue.next(len(indices), len(queue.order))

    def moved(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Batches of the CPU on the device."""
        if self.device == CPU:
            return batches
        return (on_every_tensor(lambda tensor: tensor.to(self.device), batch) for batch in batches)

    def counted(self, epoch: Epoch, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches, each noted in the epoch as it is handed out; at their end no epoch is under way."""
        for batch in batches:
            epoch.handed += 1
            yield batch
        if self._current is epoch:
            self._current = None

    def fetch(self, indices: Any, generator: np.random.Generator | None = None) -> Any:
        """The batch of the samples at `indices`."""
        if self.collate_fn is not None:
            batch = self.collate_fn(fetch_samples(self.dataset, indices, generator))
        else:
            batch = fetch_batch(self.dataset, indices, generator)
        return on_every_tensor(pinned, batch) if self.pin_memory else batch


def generator_state(generator: Generator | np.random.Generator | None) -> dict[str, Any]:
    """The state of the NumPy generator behind `generator`, without arrays."""
    return plain(numpy_generator(generator).bit_generator.state)


def plain(value: Any) -> Any:
    """Dictionaries of arrays and NumPy's numbers as dictionaries of lists and Python's."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
