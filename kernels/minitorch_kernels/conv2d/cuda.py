"""The convolution and its gradients on the GPU: `conv2d.cu`, a block of threads for each tile of results."""

from __future__ import annotations

import math

from ..arrays import Array, empty_like
from ..cuda.launch import elements, launch
from ..cuda.layout import as_channels_second, empty_channels_last, stored_channels_last
from ..im2col import Pair, output_size
from ..matmul.product_cuda import THREADS, tile

FILE = "conv2d/conv2d.cu"
TASKS = 128  # about so many blocks at least, by cutting the sum of a weight gradient into parts
SHORTEST = 256  # positions in a part


def conv2d_cuda(x: Array, w: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    out = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    y = empty_channels_last(x, (len(x), len(w), *out))
    sizes = layer(x.shape, w.shape, out, stride, padding, dilation, groups)
    side, name = tile(groups, len(x) * math.prod(out), len(w) // groups, x.itemsize)
    grid = (blocks(len(w) // groups, side), blocks(len(x) * math.prod(out), side), groups)
    bias = w if b is None else b
    launch(
        FILE, f"forward_{name}", grid, (THREADS,),
        stored_channels_last(x), stored_channels_last(w), bias.ravel(), int(b is not None), stored_channels_last(y),
        *sizes,
    )  # fmt: skip
    return y


def conv2d_input_grad_cuda(
    dy: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    N, _, OH, OW = dy.shape
    C = w.shape[1] * groups
    dx = empty_channels_last(dy, (N, C, *size))
    sizes = layer(dx.shape, w.shape, (OH, OW), stride, padding, dilation, groups)
    side, name = tile(groups, N * math.prod(size), C // groups, dy.itemsize)
    grid = (blocks(C // groups, side), blocks(N * math.prod(size), side), groups)
    launch(
        FILE, f"input_gradient_{name}", grid, (THREADS,),
        stored_channels_last(dy), stored_channels_last(w), stored_channels_last(dx), *sizes,
    )  # fmt: skip
    return dx


def conv2d_weight_grad_cuda(
    dy: Array, x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    (N, O, OH, OW), C = dy.shape, x.shape[1]
    shape = (O, C // groups, *kernel)
    sizes = layer(x.shape, shape, (OH, OW), stride, padding, dilation, groups)
    columns = math.prod(shape[1:])
    side, name = tile(groups, O // groups, columns, dy.itemsize)
    tiles = blocks(columns, side), blocks(O // groups, side)
    parts = max(1, min(TASKS // (math.prod(tiles) * groups), N * OH * OW // SHORTEST))
    partial, dw = empty_like(dy, (parts, O, columns)), empty_like(dy, (O, *kernel, C // groups))
    launch(
        FILE, f"weight_gradient_{name}", (*tiles, parts * groups), (THREADS,),
        stored_channels_last(dy), stored_channels_last(x), parts, partial, *sizes,
    )  # fmt: skip
    launch(FILE, "add_parts", *elements(dw.size), partial, parts, dw, dw.size)
    return as_channels_second(dw)


def blocks(count: int, side: int) -> int:
    """Tiles of `side` that cover `count` rows."""
    return -(-count // side)


def layer(
    images: tuple[int, ...],
    filters: tuple[int, ...],
    out: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> tuple[int, ...]:
    """The sizes in the order of `Layer` in conv2d.cu."""
    (N, _, H, W), (O, C, KH, KW) = images, filters
    return (N, groups, C, H, W, O // groups, *out, KH, KW, *stride, *padding, *dilation)
