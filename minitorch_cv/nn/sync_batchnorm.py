"""Batch normalisation with the statistics of all ranks' images."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module

from ..distributed import get_rank, get_world_size
from ..distributed.collectives import reduced
from ..ops.differentiable import differentiable
from ..ops.normalization import batch_norm, check_channels, move_towards
from ..tensor import Tensor
from .batchnorm import BatchNorm, LazyBatchNorm
from .module import Module


def sync_batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`batch_norm`, where in training the batch is that of all ranks together."""
    if not training or get_world_size() == 1:
        return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    vectors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    check_channels("sync_batch_norm", input, **vectors)
    y, mean, unbiased_var = batch_norm_of_all_ranks(input, weight, bias, eps)
    move_towards(running_mean, mean, momentum)
    move_towards(running_var, unbiased_var, momentum)
    return y


@differentiable
def batch_norm_of_all_ranks(x: Array, weight: Array | None, bias: Array | None, eps: float) -> Any:
    """y = n w + b with n = (x - mean) / √(var + ε) -> y, mean and the unbiased variance, all ranks' values together.

    dx = w / √(var + ε) · (dy - mean(dy) - n mean(dy n)), with the means over all ranks' values; dw = Σ dy n and
    db = Σ dy over this rank's own, as gradients of parameters are averaged afterwards. Each rank's loss is a mean over
    its own images, so a rank with more of them weighs more in the sums: Σ images_s dy_s / images for rank s.
    """
    mean, var, values = joint_statistics(x, eps)
    unbiased_var = var * (values / (values - 1))
    mean, var = mean.astype(x.dtype), var.astype(x.dtype)

    def backward(dy: Array, needs: tuple[bool, ...]) -> Any:
        xp = array_module(x)
        dx, dw, db, _ = kernels.batch_norm_inference_grad(dy, x, weight, mean, var, eps)
        sums = xp.stack([dw, db]).astype(np.float64) * len(x)  # (2, C)
        slope = 1 / xp.sqrt(var + eps) / (values * max(1, len(x)))
        tilt, shift = (reduced(sums) * (slope if weight is None else slope * weight)).astype(x.dtype)
        return dx - kernels.batch_norm_inference(x, mean, var, tilt, shift, eps), dw, db

    y = kernels.batch_norm_inference(x, mean, var, weight, bias, eps)
    return (y, mean, unbiased_var.astype(x.dtype)), backward


def joint_statistics(x: Array, eps: float) -> tuple[Array, Array, Array]:
    """The mean and biased variance (C,) of all ranks' x, and of how many values (1,) they are; in float64.

    Each rank fills its own row of a table that is 0 elsewhere, so their sum is the table of all. The variance is that
    within the ranks plus that between their means, which loses no digits where the mean is large.
    """
    C = x.shape[1]
    _, own_mean, own_var, *_ = kernels.batch_norm_train(x, None, None, eps)
    table = array_module(x).zeros((get_world_size(), 2 * C + 1), np.float64)
    row = table[get_rank()]
    row[:1] = len(x) * math.prod(x.shape[2:])
    row[1 : C + 1] = own_mean
    row[C + 1 :] = own_var
    table = reduced(table)
    values, means, variances = table[:, :1], table[:, 1 : C + 1], table[:, C + 1 :]
    total = values.sum(0)
    mean = (values * means).sum(0) / total
    return mean, (values * (variances + (means - mean) ** 2)).sum(0) / total, total


class SyncBatchNorm(BatchNorm):
    """Batch normalisation whose mean and variance in training are those of the images of all ranks together.

    Takes (N, C), (N, C, L) or (N, C, H, W). All ranks have to be in training mode, or none.
    """

    layouts: ClassVar = {2: "(N, C)", 3: "(N, C, L)", 4: "(N, C, H, W)"}
    normalise = staticmethod(sync_batch_norm)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module) -> Module:
        """`module` with a SyncBatchNorm in place of each batch norm in it, over the same parameters and buffers.

        What comes back is `module` itself, unless it is a batch norm. ValueError for a lazy one that has not seen an
        input yet.
        """
        if isinstance(module, LazyBatchNorm):
            raise ValueError("convert_sync_batchnorm: the module has lazy layers; call it once on an example first")
        if isinstance(module, BatchNorm):
            converted = cls.__new__(cls)
            converted.__dict__.update(module.__dict__)
            return converted
        for name, child in list(module.named_children()):
            module.add_module(name, cls.convert_sync_batchnorm(child))
        return module
