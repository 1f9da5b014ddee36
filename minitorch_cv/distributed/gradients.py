"""The gradients of all ranks, averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minitorch_kernels.arrays import array_module, on_gpu_of

from ..creation import zeros_like
from ..graph import no_grad
from ..tensor import Tensor
from .buckets import bucket_for, by_type, parts_of
from .collectives import on_any_rank, overwrite_memory, reduced


@no_grad()
def average_gradients(parameters: Sequence[Tensor], images: int) -> None:
    """grad <- sum over ranks of images · grad, divided by the sum of images, for each parameter.

    The loss of a rank is the mean over its own images; this is the gradient of the mean over the images of all ranks,
    also where they have different numbers of them. A parameter that has no gradient on any rank keeps none.
    """
    wanted = on_any_rank([parameter.grad is not None for parameter in parameters])
    reached = [parameter for parameter, on_some_rank in zip(parameters, wanted) if on_some_rank]
    for parameter in reached:
        if parameter.grad is None:
            parameter.grad = zeros_like(parameter)
    for alike in by_type(reached):
        with on_gpu_of((alike[0]._array,)):
            average([parameter.grad for parameter in alike], images)


def average(gradients: Sequence[Tensor], images: int) -> None:
    """Replace gradients of one type, on one device, by their averages over the ranks: all in one exchange.

    The number of images travels behind the gradients, so nothing has to wait for numbers to come back from a GPU.
    """
    bucket = bucket_for(gradients, np.promote_types(gradients[0].dtype, np.float32), further=1)
    if images:
        for part, gradient in zip(parts_of(bucket, gradients), gradients):
            array_module(bucket).multiply(gradient._array, images, out=part)
        bucket[-1:] = images
    total = reduced(bucket)
    total[:-1] /= total[-1:]
    for part, gradient in zip(parts_of(total, gradients), gradients):
        overwrite_memory(gradient, ..., part)
