"""Channels in another order, and channels traded for pixels: the same elements in other places.

All three write into memory in the order of x, so that what the kernels stored batch-last stays so.
"""

from __future__ import annotations

from typing import Any

from minitorch_kernels.arrays import Array, array_module

from ..tensor import Tensor
from .differentiable import differentiable


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """y = x with the channels of the g groups dealt out in turn: channel j g + i is channel i C/g + j of x.

    x (N, C, ...) -> y of the same shape. After a grouped convolution this lets each group of the next one see channels
    of all groups. RuntimeError where groups does not divide C. Source: Zhang et al., "ShuffleNet", arXiv:1707.01083.
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle: x has shape {input.shape} but must be (N, C, ...) with 3 axes or more")
    if groups < 1 or input.shape[1] % groups:
        raise RuntimeError(
            f"channel_shuffle: groups={groups} must be positive and divide the {input.shape[1]} channels of x "
            f"(shape {input.shape})"
        )
    return shuffled_channels(input, groups)


@differentiable
def shuffled_channels(x: Array, groups: int) -> Any:
    """y = x with channels (g, C/g) as (C/g, g); dx exchanges them back, which is a shuffle with C/g groups."""
    each = x.shape[1] // groups
    return exchange(x, groups, each), (lambda dy: exchange(dy, each, groups),)


def exchange(x: Array, outer: int, inner: int) -> Array:
    """(N, outer inner, ...) -> (N, inner outer, ...)."""
    N, _, *places = x.shape
    y = array_module(x).empty_like(x)
    y.reshape(N, inner, outer, *places)[...] = x.reshape(N, outer, inner, *places).swapaxes(1, 2)
    return y


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """y[c, h r + i, w r + j] = x[c r² + i r + j, h, w]: r² channels become the pixels of an image r times as large.

    x (..., C r², H, W) -> y (..., C, H r, W r). RuntimeError where r² does not divide the channels.
    Source: Shi et al., "Real-Time Single Image and Video Super-Resolution", arXiv:1609.05158.
    """
    r = factor_of("pixel_shuffle", "upscale_factor", input, upscale_factor)
    if input.shape[-3] % r**2:
        raise RuntimeError(
            f"pixel_shuffle: the {input.shape[-3]} channels of x (shape {input.shape}) must be a multiple of "
            f"upscale_factor² = {r**2}"
        )
    return pixels_of_channels(input, r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """y[c r² + i r + j, h, w] = x[c, h r + i, w r + j]: the inverse of `pixel_shuffle`.

    x (..., C, H r, W r) -> y (..., C r², H, W). RuntimeError where r does not divide the height and the width.
    """
    r = factor_of("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    if input.shape[-2] % r or input.shape[-1] % r:
        raise RuntimeError(
            f"pixel_unshuffle: downscale_factor={r} must divide the height and the width of x (shape {input.shape})"
        )
    return channels_of_pixels(input, r)


def factor_of(operation: str, option: str, input: Tensor, factor: int) -> int:
    """r. RuntimeError where x is no image or r is not positive."""
    if input.ndim < 3:
        raise RuntimeError(f"{operation}: x has shape {input.shape} but must be (..., C, H, W)")
    if factor < 1:
        raise RuntimeError(f"{operation}: {option}={factor} must be positive")
    return factor


@differentiable
def pixels_of_channels(x: Array, r: int) -> Any:
    """y = spread(x); dx = collect(dy), the same elements back."""
    return spread(x, r), (lambda dy: collect(dy, r),)


@differentiable
def channels_of_pixels(x: Array, r: int) -> Any:
    """y = collect(x); dx = spread(dy), the same elements back."""
    return collect(x, r), (lambda dy: spread(dy, r),)


def spread(x: Array, r: int) -> Array:
    """(..., C r², H, W) -> (..., C, H r, W r)."""
    *lead, CRR, H, W = x.shape
    y = array_module(x).empty_like(x, shape=(*lead, CRR // r**2, H * r, W * r))
    blocks(y, r)[...] = x.reshape(*lead, CRR // r**2, r, r, H, W)
    return y


def collect(x: Array, r: int) -> Array:
    """(..., C, H r, W r) -> (..., C r², H, W)."""
    *lead, C, H, W = x.shape
    y = array_module(x).empty_like(x, shape=(*lead, C * r**2, H // r, W // r))
    y.reshape(*lead, C, r, r, H // r, W // r)[...] = blocks(x, r)
    return y


def blocks(x: Array, r: int) -> Array:
    """The pixels by their place in blocks of r x r: (..., C, H r, W r) -> (..., C, r, r, H, W); a view."""
    *lead, C, H, W = x.shape
    split = x.reshape(*lead, C, H // r, r, W // r, r)
    return array_module(x).moveaxis(split, (-3, -1), (-4, -3))
