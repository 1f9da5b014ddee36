"""Batches for a recorded step: it asks for the next one, and the device itself counts which that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minitorch_kernels.cuda.graph import overwrite

from ..listening import refuse_recording, told, when_captured
from ..tensor import Tensor
from .resident import ResidentImages

if TYPE_CHECKING:
    from .loader import DataLoader


class DeviceBatches:
    """`batches = loader.on_device()`; then for each epoch `batches.start_epoch()` and len(batches) times `next()`.

    `next()` may stand inside a recorded step: it takes nothing from Python, and all that it reads (images, order, views
    and the number of the batch) keeps its place in the device's memory. Orders and random draws are those that the
    loader itself would have had, from the same generator. Batches have one size: what is left over at the end of an
    epoch is dropped, as with drop_last=True. After the last batch the same epoch begins again, until `start_epoch()`.

    loader.state_dict() knows of whole epochs only. ValueError for a loader without batches of one size, or with none.
    """

    def __init__(self, loader: DataLoader, images: ResidentImages):
        if loader.batch_size is None:
            raise ValueError("on_device: batch_sampler gives batches of any size; make the loader with batch_size")
        self.loader = loader
        self.batch_size = int(loader.batch_size)
        self.count = len(loader.dataset if loader.sampler is None else loader.sampler) // self.batch_size  # type: ignore[arg-type]
        if not self.count:
            raise ValueError(
                f"on_device: there are less than batch_size={self.batch_size} samples; choose a smaller one"
            )
        self.queue = images.queue([np.zeros(self.batch_size, np.int64)] * self.count, seed=0)
        self.started = False

    def __len__(self) -> int:
        return self.count

    def start_epoch(self, order: Any = None) -> None:
        """Draw the order of an epoch, or take this one, and what its batches draw; move both, and begin at its start.

        ValueError for an order that is shorter than len(self) batches.
        """
        refuse_recording("start_epoch()", "call it before the step, when an epoch begins")
        if order is not None and len(order) < self.count * self.batch_size:
            raise ValueError(
                f"start_epoch: an order of {len(order)} samples for {self.count} batches of {self.batch_size}; give "
                f"{self.count * self.batch_size}"
            )
        epoch = self.loader.begin_epoch(order)
        batches = list(epoch.batches)[: self.count]
        overwrite(self.queue.order, self.queue.source.orders(batches))
        overwrite(self.queue.views, self.queue.source.tables([self.batch_size] * self.count, epoch.seed))
        overwrite(self.queue.position, np.zeros(1, np.int64))
        self.started = True

    @told
    @when_captured("device")
    def next(self) -> tuple[Tensor, Tensor]:
        """Images float32 (batch_size, C, H, W) and labels int64 (batch_size,) of the next batch."""
        if not self.started:
            raise RuntimeError("next: no epoch has begun; call start_epoch() before the step")
        images, labels = self.queue.next(self.batch_size, self.count * self.batch_size)
        return images, labels
