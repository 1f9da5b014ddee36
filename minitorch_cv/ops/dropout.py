"""Dropout: elements set to zero at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.dropout import dropout as dropout_kernel
from minitorch_kernels.kernel import Array, array_module

from ..random import Generator, numpy_generator
from ..tensor import Tensor
from .differentiable import differentiable
from .inplace import before_write, write


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """y = x m / (1 - p), where each m is 0 with probability p, else 1: the mean stays. x itself outside training.

    The mask comes from `generator`, by default the one that `manual_seed` sets. It depends on seed, shape and p alone:
    not on the dtype of x, nor on how x lies in memory. ValueError for p outside [0, 1].
    Source: Dive into Deep Learning, section 5.6; Srivastava et al., 2014.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p={p} is no probability; choose a number from 0 to 1")
    if not input.is_floating_point():
        raise RuntimeError(f"dropout: x is {input.dtype} but must be floating point; convert with .float()")
    if not training or p == 0:
        return input
    if inplace:
        before_write("dropout_", input)
    mask = array_module(input._array).asarray(draw_mask(input.shape, p, generator))
    y = masked_and_scaled(input, mask, p)
    return write("dropout_", input, y) if inplace else y


@differentiable
def masked_and_scaled(x: Array, mask: Array, p: float) -> Any:
    """y = x m / (1 - p); dx = dy m / (1 - p)."""
    return dropout_kernel(x, mask, p), (lambda dy: dropout_kernel(dy, mask, p),)


def draw_mask(shape: tuple[int, ...], p: float, generator: Generator | None) -> np.ndarray:
    """True with probability 1 - p. Numbers are drawn with the batch as the fastest axis, as most activations lie."""
    stored = numpy_generator(generator).random((*shape[1:], *shape[:1]), np.float32) >= p
    return np.moveaxis(stored, -1, 0) if shape else stored  # (..., N) -> (N, ...)
