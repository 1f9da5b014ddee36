"""Which samples of a data set each rank takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from ..distributed import get_rank, get_world_size
from .loader import DataLoader, Epoch
from .transforms.views import NotResidentError


class DistributedSampler:
    """The indices of this rank's part of a data set, for a DataLoader: every num_replicas-th, from its own number on.

    Names, order and defaults are torch's. All parts are of one length: the first indices come again at the end where
    the samples do not go round, or the last samples are left out with drop_last. shuffle orders them anew by seed and
    epoch, alike on all ranks; `set_epoch` before each epoch says which.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        self.dataset = dataset
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: rank {self.rank} is not one of {self.num_replicas}")
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        samples = len(self.dataset)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(samples) if self.shuffle else range(samples)
        repeated = np.resize(order, len(self) * self.num_replicas)
        return iter(repeated[self.rank :: self.num_replicas].tolist())

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.num_replicas)
        return whole if self.drop_last or not rest else whole + 1

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose order comes next."""
        self.epoch = epoch


class SharedLoader(DataLoader):
    """A DataLoader whose batches are dealt out: rank r has every size-th image of each batch, from its r-th on.

    batch_size is that of the whole batch, so that its images, and with them the steps of training, are those of one
    rank. A last batch with fewer images than ranks is left out. Shares of a batch differ by at most one image. Random
    changes of the images come from seeds of each rank's own. ValueError for a batch_size below the number of ranks.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = False,
        num_workers: int = 0,
        generator: Any = None,
        device: Any = None,
    ):
        super().__init__(dataset, batch_size, shuffle, num_workers=num_workers, generator=generator, device=device)
        self.rank, self.ranks = get_rank(), get_world_size()
        if batch_size < self.ranks:
            raise ValueError(f"a batch of {batch_size} cannot be shared out to {self.ranks} ranks; take a larger one")

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size or 1)
        return whole + (rest >= self.ranks and not self.drop_last)

    def on_device(self) -> NoReturn:
        raise NotResidentError("on_device: the shares of a batch are made when they are asked for; iterate instead")

    def begin_epoch(self, order: Any = None) -> Epoch:
        epoch = super().begin_epoch(order)
        if epoch.seed is not None:
            epoch.seed += self.rank
        return epoch

    def index_batches(self, order: Any) -> Iterator[Any]:
        batches = super().index_batches(order)
        return (indices[self.rank :: self.ranks] for indices in batches if len(indices) >= self.ranks)
