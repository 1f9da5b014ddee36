"""Data parallelism: each rank computes the gradients of its share of a batch, and all take the same step.

Source: Dive into Deep Learning, sections 13.5 and 13.6.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minitorch_kernels.arrays import on_gpu_of

from ..distributed import get_world_size
from ..distributed.buckets import bucket_for, by_type, parts_of
from ..distributed.collectives import gathered, overwrite_memory, sent_by
from ..distributed.gradients import average_gradients
from ..graph import after_backward, is_grad_enabled, no_grad
from ..listening import told
from ..tensor import Tensor
from .batchnorm import BatchNorm
from .module import Module
from .parameter import is_lazy
from .sync_batchnorm import SyncBatchNorm


class DistributedDataParallel(Module):
    """`module`, whose gradients are averaged over all ranks at the end of each backward.

    Parameters and buffers are those of rank 0 from the start; afterwards parameters agree on all ranks because each
    takes the same steps. The average is over images, of which the first argument's first axis tells the number: for a
    loss that is a mean over them, it is the gradient of the mean over the images of all ranks. With broadcast_buffers,
    rank 0's buffers go to all before each forward in training mode. Batch norm uses the statistics of each rank's own
    share, and a warning says so; `SyncBatchNorm.convert_sync_batchnorm` joins them.

    Parameters that only some ranks use need no option, unlike in torch, and device_ids changes nothing: the module
    computes where its parameters are. ValueError for lazy modules that have not seen an input yet, and where nothing
    can be trained. Without a process group it computes what `module` does.
    """

    def __init__(self, module: Module, device_ids: Any = None, *, broadcast_buffers: bool = True):
        super().__init__()
        if any(is_lazy(parameter) for parameter in module.parameters()):
            raise ValueError("DistributedDataParallel: the module has lazy layers; call it once on an example first")
        self.module = module
        self.trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        if not self.trained:
            raise ValueError("DistributedDataParallel: the module has no parameter that requires a gradient")
        self.broadcast_buffers = broadcast_buffers
        self.averages = get_world_size() > 1
        self.images = 0
        if self.averages:
            refuse_other_networks(module)
            warn_of_separate_statistics(module)
            take_from_rank_zero([*module.parameters(), *module.buffers()])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.averages and self.training and self.broadcast_buffers:
            take_from_rank_zero(list(self.module.buffers()))
        if self.averages and is_grad_enabled():
            self.expect_backward(next((len(arg) for arg in args if isinstance(arg, Tensor) and arg.ndim), 1))
        return self.module(*args, **kwargs)

    @told
    def expect_backward(self, images: int) -> None:
        """The gradients of so many images will come with the next backward."""
        self.images = images
        if self.average not in after_backward:
            after_backward.append(self.average)

    @told
    def average(self) -> None:
        """Exchange gradients with the other ranks."""
        if self.average in after_backward:
            after_backward.remove(self.average)
        average_gradients(self.trained, self.images)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside the `with` block, forwards and their backwards stay on this rank: to add up gradients beforehand."""
        before, self.averages = self.averages, False
        try:
            yield
        finally:
            self.averages = before


@told
@no_grad()
def take_from_rank_zero(tensors: Sequence[Tensor]) -> None:
    """tensor <- the tensor of rank 0, for each of them: one message for each type."""
    for alike in by_type(tensors):
        bucket = bucket_for(alike, alike[0].dtype)
        with on_gpu_of((bucket,)):
            for part, tensor in zip(parts_of(bucket, alike), alike):
                part[...] = tensor._array
        sent = sent_by(bucket)
        for part, tensor in zip(parts_of(sent, alike), alike):
            overwrite_memory(tensor, ..., part)


def refuse_other_networks(module: Module) -> None:
    """ValueError where the ranks have parameters or buffers of other names, shapes or types."""
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    first, *others = gathered({name: f"{tuple(t.shape)} {t.dtype}" for name, t in tensors.items()})
    for rank, theirs in enumerate(others, 1):
        for name in sorted({*first} | {*theirs}):
            if first.get(name) != theirs.get(name):
                raise ValueError(
                    f"DistributedDataParallel: {name} is {first.get(name, 'missing')} on rank 0 but "
                    f"{theirs.get(name, 'missing')} on rank {rank}; build the same network on all ranks"
                )


def warn_of_separate_statistics(module: Module) -> None:
    """Name the batch norms that know only the images of their own rank."""
    names = [
        name
        for name, part in module.named_modules()
        if isinstance(part, BatchNorm) and not isinstance(part, SyncBatchNorm)
    ]
    if names:
        warnings.warn(
            f"DistributedDataParallel: batch norm in {', '.join(names)} uses the statistics of each rank's own images; "
            "SyncBatchNorm.convert_sync_batchnorm(module) joins them",
            stacklevel=3,
        )
