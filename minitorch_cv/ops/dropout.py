"""Dropout: elements, channels or whole residual branches set to zero at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array
from minitorch_kernels.dropout import dropout as dropout_kernel

from ..device import device_of, moved
from ..listening import told
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
    check("dropout", input, p)
    return drop("dropout", input, input.shape, p, inplace, generator) if training and p > 0 else input


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """y = x m / (1 - p), with one m for each channel of each image: feature maps are dropped whole.

    x (N, C, H, W), or (N, C, L) as torch reads three axes, -> y as x. Neighbouring places of a map hold nearly the
    same: where single ones are dropped, the others still tell. The mask comes from `generator`, as in `dropout`.
    ValueError for p outside [0, 1] and for other ranks. Source: Tompson et al., arXiv:1411.4280.
    """
    check("dropout2d", input, p)
    if input.ndim not in (3, 4):
        raise ValueError(f"dropout2d: x has shape {input.shape} but must be (N, C, H, W) or (N, C, L)")
    return drop("dropout2d", input, input.shape[:2], p, inplace, generator) if training and p > 0 else input


def stochastic_depth(
    input: Tensor, p: float, mode: str, training: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """y = x m / (1 - p), with one m for the whole batch, or one for each of its rows; x itself outside training.

    x is what a residual branch adds: where m is 0, which it is with probability p, the block is its shortcut alone.
    mode "batch" drops the branch for all of x (N, ...), mode "row" for each x[n] on its own. The name and order are
    those of torchvision.ops; the mask comes from `generator`, as in `dropout`.
    ValueError for p outside [0, 1] and for other modes. Source: Huang et al., arXiv:1603.09382.
    """
    check("stochastic_depth", input, p)
    if mode not in ("batch", "row"):
        raise ValueError(f"stochastic_depth: mode={mode!r}; choose 'batch' or 'row'")
    rows = input.shape[:1] if mode == "row" else ()
    return drop("stochastic_depth", input, rows, p, False, generator) if training and p > 0 else input


def check(operation: str, input: Tensor, p: float) -> None:
    """ValueError where p is no probability, RuntimeError where x is not floating point."""
    if not 0 <= p <= 1:
        raise ValueError(f"{operation}: p={p} is no probability; choose a number from 0 to 1")
    if not input.is_floating_point():
        raise RuntimeError(f"{operation}: x is {input.dtype} but must be floating point; convert with .float()")


def drop(
    operation: str, input: Tensor, shape: tuple[int, ...], p: float, inplace: bool, generator: Generator | None
) -> Tensor:
    """x with a mask over its leading axes, which are `shape`; what lies behind them stays or goes as a whole."""
    if inplace:
        before_write(f"{operation}_", input)
    drawn = draw_mask(shape, input.ndim, p, generator)
    y = masked_and_scaled(input, moved(drawn, device_of(input._array)), p)
    return write(f"{operation}_", input, y) if inplace else y


@differentiable
def masked_and_scaled(x: Array, mask: Array, p: float) -> Any:
    """y = x m / (1 - p); dx = dy m / (1 - p)."""
    return dropout_kernel(x, mask, p), (lambda dy: dropout_kernel(dy, mask, p),)


@told
def draw_mask(shape: tuple[int, ...], ndim: int, p: float, generator: Generator | None) -> np.ndarray:
    """True with probability 1 - p, for the leading axes of an array of `ndim` axes.

    Numbers are drawn with the batch as the fastest axis, as most activations lie.
    """
    stored = numpy_generator(generator).random((*shape[1:], *shape[:1]), np.float32) >= p
    mask = np.moveaxis(stored, -1, 0) if shape else stored  # (..., N) -> (N, ...)
    return mask.reshape(shape + (1,) * (ndim - len(shape)))
