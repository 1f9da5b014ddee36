"""Dropout with its random mask as an input, so that every implementation can be given the same one."""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module, empty_like
from .cuda.launch import elements, launch
from .jit import jit
from .kernel import Kernel
from .memory import empty
from .strides import flat, memory_axes, unflatten


def dropout_reference(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """y = x mask / (1 - p): kept values grow so that the mean stays; p = 1 gives zeros.

    x of any shape, mask bool and broadcastable to it (True keeps) -> y in x's shape and memory order.
    The gradient is the same kernel: dx = dropout(dy, mask, p). NaN and Inf in a dropped place give NaN, as in torch.
    Source: Srivastava et al., "Dropout", 2014; d2l section 5.6.
    """
    return np.multiply(x, mask * kept_scale(p, x.dtype), out=np.empty_like(x))


def dropout_cpu(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    axes = memory_axes(x)
    y = empty((x.size,), x.dtype)
    scale_kept(flat(x, axes), flat(np.broadcast_to(mask, x.shape), axes), kept_scale(p, x.dtype), y)
    return unflatten(y, x.shape, axes)


def kept_scale(p: float, dtype: np.dtype) -> np.floating:
    """1 / (1 - p), and 0 for p = 1, where nothing is kept."""
    return dtype.type(0 if p == 1 else 1 / (1 - p))


@jit
def scale_kept(x, mask, scale, y):
    """Flat arrays; memory-bound, so that more threads would gain little at the sizes of a dense layer."""
    for i in range(x.size):
        y[i] = x[i] * (mask[i] * scale)


def dropout_cuda(x: Array, mask: Array, p: float) -> Array:
    axes = memory_axes(x)
    y, scale = empty_like(x, (x.size,)), float(kept_scale(p, x.dtype))
    mask = flat(array_module(x).broadcast_to(mask, x.shape), axes)
    launch("dropout.cu", "scale_kept", *elements(x.size), flat(x, axes), mask, scale, y, x.size)
    return unflatten(y, x.shape, axes)


dropout = Kernel("dropout", dropout_reference, dropout_cpu, dropout_cuda)
