"""Dropout: elements, channels or whole residual branches set to zero at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, on_gpu_of
from minitorch_kernels.dropout import dropout as dropout_kernel
from minitorch_kernels.philox import philox_dropout, philox_key

from ..listening import told, when_captured
from ..random import Generator, generator_on, numbered, numpy_generator
from ..tensor import Tensor
from .differentiable import differentiable
from .inplace import before_write, write


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """y = x m / (1 - p), where each m is 0 with probability p, else 1: the mean stays. x itself outside training.

    The mask comes from `generator`, by default that of x's device, which `manual_seed` sets. It depends on seed, shape
    and p alone: not on the dtype of x, nor on how x lies in memory; on a GPU it is another one than on the CPU.
    ValueError for p outside [0, 1], RuntimeError for a generator on another device.
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
    if input.device == "cpu":
        y = masked_and_scaled(input, draw_mask(shape, input.ndim, p, generator), p)
    else:
        chosen = generator_beside(operation, input, generator)
        if shape == input.shape:
            y = dropped_by_key(input, draw_key(chosen), p)
        else:
            y = masked_and_scaled(input, draw_gpu_mask(shape, input.ndim, p, chosen), p)
    return write(f"{operation}_", input, y) if inplace else y


@differentiable
def masked_and_scaled(x: Array, mask: Array, p: float) -> Any:
    """y = x m / (1 - p); dx = dy m / (1 - p)."""
    return dropout_kernel(x, mask, p), (lambda dy: dropout_kernel(dy, mask, p),)


@differentiable
def dropped_by_key(x: Array, key: Array, p: float) -> Any:
    """y = x m / (1 - p); dx = dy m / (1 - p), with m computed from the key (2,) both times instead of kept."""
    return philox_dropout(x, key, p), (lambda dy: philox_dropout(dy, key, p),)


@told
def draw_mask(shape: tuple[int, ...], ndim: int, p: float, generator: Generator | None) -> np.ndarray:
    """True with probability 1 - p, for the leading axes of an array of `ndim` axes.

    Numbers are drawn with the batch as the fastest axis, as most activations lie.
    """
    stored = numpy_generator(generator).random((*shape[1:], *shape[:1]), np.float32) >= p
    mask = np.moveaxis(stored, -1, 0) if shape else stored  # (..., N) -> (N, ...)
    return mask.reshape(shape + (1,) * (ndim - len(shape)))


def generator_beside(operation: str, input: Tensor, generator: Generator | None) -> Generator:
    """`generator`, by default that of the GPU on which x lies; RuntimeError for one that is elsewhere."""
    if generator is None:
        return generator_on(input.device)
    if getattr(generator, "device", "cpu") != numbered(input.device):
        raise RuntimeError(
            f"{operation}: x is on {input.device} but the generator is on {getattr(generator, 'device', 'cpu')}; "
            f"give one that is made by Generator({str(input.device)!r})"
        )
    return generator


@told
@when_captured("device")
def draw_key(generator: Generator) -> Array:
    """The key of one draw from a generator on a GPU, where it is counted: the host has no part in it."""
    return philox_key(generator.philox)


@told
@when_captured("device")
def draw_gpu_mask(shape: tuple[int, ...], ndim: int, p: float, generator: Generator) -> Array:
    """True with probability 1 - p, for the leading axes of an array of `ndim` axes; on the generator's GPU."""
    with on_gpu_of((generator.philox,)):
        ones = array_module(generator.philox).ones(shape, np.float32)
        mask = philox_dropout(ones, draw_key(generator), p) != 0
        return mask.reshape(shape + (1,) * (ndim - len(shape)))
