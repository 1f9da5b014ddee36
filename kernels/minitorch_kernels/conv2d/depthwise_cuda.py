"""Depthwise convolutions on the GPU: groups of one channel each, where tiles would be empty but for one column."""

from __future__ import annotations

import math

from ..arrays import Array, empty_like
from ..cuda.divisor import divisor
from ..cuda.launch import launch, places
from ..cuda.layout import empty_channels_last, stored_channels_last
from ..cuda.parts import add_parts, parts
from ..im2col import Pair

FILE = "conv2d/depthwise.cu"


def is_depthwise(C: int, groups: int) -> bool:
    """True where every one of the C channels is a group of its own, and there is more than one."""
    return groups == C > 1


def forward(x: Array, w: Array, b: Array | None, out: Pair, *window: Pair) -> Array:
    """y (N, O, OH, OW) of x (N, C, H, W), w (O, 1, KH, KW), b (O,) or None."""
    y = empty_channels_last(x, (len(x), len(w), *out))
    bias = w if b is None else b
    launch(
        FILE, "depthwise_forward", *places(len(w) * math.prod(out), len(x)),
        stored_channels_last(x), stored_taps_first(w), bias.ravel(), int(b is not None), stored_channels_last(y),
        *layer(x.shape, len(w), w.shape[2:], out, *window), *divisors(len(w), out, len(w) // x.shape[1], window[0]),
    )  # fmt: skip
    return y


def input_grad(dy: Array, w: Array, C: int, size: Pair, *window: Pair) -> Array:
    """dx (N, C, H, W) of dy (N, O, OH, OW), w (O, 1, KH, KW)."""
    dx = empty_channels_last(dy, (len(dy), C, *size))
    launch(
        FILE, "depthwise_input_gradient", *places(C * math.prod(size), len(dy)),
        stored_channels_last(dy), stored_taps_first(w), stored_channels_last(dx),
        *layer(dx.shape, len(w), w.shape[2:], dy.shape[2:], *window), *divisors(C, size, len(w) // C, window[0]),
    )  # fmt: skip
    return dx


def weight_grad(dy: Array, x: Array, kernel: Pair, *window: Pair) -> Array:
    """dw (O, 1, KH, KW) of dy (N, O, OH, OW), x (N, C, H, W)."""
    N, O, OH, OW = dy.shape
    strips, taps = -(-O // 32), kernel[0] * kernel[1]
    count, length = parts(strips * taps, N * OH * OW)
    dw = empty_like(dy, (O, 1, *kernel))
    partial = dw if count == 1 else empty_like(dy, (count, *dw.shape))
    launch(
        FILE, "depthwise_weight_gradient", (strips, taps, count), (256,),
        stored_channels_last(dy), stored_channels_last(x), length, partial,
        *layer(x.shape, O, kernel, (OH, OW), *window), *divisors(O, (OH, OW), O // x.shape[1], window[0]),
    )  # fmt: skip
    if count > 1:
        add_parts(partial, dw)
    return dw


def stored_taps_first(w: Array) -> Array:
    """(O, 1, KH, KW) -> C-contiguous (1, KH, KW, O): neighbouring threads read neighbouring weights."""
    return stored_channels_last(w.transpose(1, 0, 2, 3))


def layer(images: tuple[int, ...], O: int, kernel: Pair, out: Pair, *window: Pair) -> tuple[int, ...]:
    """The sizes in the order of `Layer` in depthwise.cu; `window` is stride, padding and dilation."""
    N, C, H, W = images
    return (N, C, H, W, O // C, *out, *kernel, *(number for pair in window for number in pair))


def divisors(channels: int, size: Pair, times: int, stride: Pair) -> tuple[int, ...]:
    """What a kernel divides by whose threads stand for `channels` of places in images of `size`."""
    return tuple(map(divisor, (channels, size[1], size[0], times, *stride)))
