"""The convolution and its gradients on the GPU: `conv2d.cu`, a block of threads for each tile of results."""

from __future__ import annotations

import math

from ..arrays import Array, empty_like
from ..cuda.divisor import divisor
from ..cuda.launch import launch
from ..cuda.layout import as_channels_second, empty_channels_last, stored_channels_last
from ..cuda.parts import add_parts, parts
from ..cuda.tiles import Tile, tile
from ..im2col import Pair, output_size
from . import depthwise_cuda
from .depthwise_cuda import is_depthwise

FILE = "conv2d/conv2d.cu"
LIMIT = 2**31  # places of images in one call: they are counted in int, as a GPU's integers are


def conv2d_cuda(x: Array, w: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    out = output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    check_places(x.shape, out)
    if is_depthwise(x.shape[1], groups):
        return depthwise_cuda.forward(x, w, b, out, stride, padding, dilation)
    y = empty_channels_last(x, (len(x), len(w), *out))
    sizes = layer(x.shape, w.shape, out, stride, padding, dilation, groups, w.shape[1], out)
    kind, tiles = tiling(groups, len(x) * math.prod(out), len(w) // groups, x.itemsize)
    bias = w if b is None else b
    launch(
        FILE, f"forward_{kind.name}", (tiles,), (kind.threads,),
        stored_channels_last(x), stored_channels_last(w), bias.ravel(), int(b is not None), stored_channels_last(y),
        *sizes,
    )  # fmt: skip
    return y


def conv2d_input_grad_cuda(
    dy: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    N, _, OH, OW = dy.shape
    C = w.shape[1] * groups
    check_places((N, C, *size), (OH, OW))
    if is_depthwise(C, groups):
        return depthwise_cuda.input_grad(dy, w, C, size, stride, padding, dilation)
    dx = empty_channels_last(dy, (N, C, *size))
    sizes = layer(dx.shape, w.shape, (OH, OW), stride, padding, dilation, groups, len(w) // groups, size)
    kind, tiles = tiling(groups, N * math.prod(size), C // groups, dy.itemsize)
    launch(
        FILE, f"input_gradient_{kind.name}", (tiles,), (kind.threads,),
        stored_channels_last(dy), stored_channels_last(w), stored_channels_last(dx), *sizes,
    )  # fmt: skip
    return dx


def conv2d_weight_grad_cuda(
    dy: Array, x: Array, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Array:
    (N, O, OH, OW), C = dy.shape, x.shape[1]
    check_places(x.shape, (OH, OW))
    if is_depthwise(C, groups):
        return depthwise_cuda.weight_grad(dy, x, kernel, stride, padding, dilation)
    shape = (O, C // groups, *kernel)
    sizes = layer(x.shape, shape, (OH, OW), stride, padding, dilation, groups, shape[1], (OH, OW))
    kind, tiles = tiling(groups, O // groups, math.prod(shape[1:]), dy.itemsize)
    count, length = parts(tiles, N * OH * OW)
    dw = empty_like(dy, (O, *kernel, C // groups))
    partial = dw if count == 1 else empty_like(dy, (count, *dw.shape))
    launch(
        FILE, f"weight_gradient_{kind.name}", (count * tiles,), (kind.threads,),
        stored_channels_last(dy), stored_channels_last(x), length, partial, *sizes,
    )  # fmt: skip
    if count > 1:
        add_parts(partial, dw)
    return as_channels_second(dw)


def tiling(groups: int, rows: int, columns: int, size: int) -> tuple[Tile, int]:
    """The kind of tile for `groups` products of rows x columns numbers of `size` bytes, and how many."""
    kind = tile(groups, rows, columns, size)
    return kind, groups * kind.number(rows, columns)


def check_places(images: tuple[int, ...], out: Pair) -> None:
    """ValueError for more places than the kernels count."""
    N, _, H, W = images
    if N * max(H * W, math.prod(out)) >= LIMIT:
        raise ValueError(
            f"conv2d: {N} images of {(H, W)} have {N * H * W} places, more than 2**31; use a smaller batch"
        )


def layer(
    images: tuple[int, ...],
    filters: tuple[int, ...],
    out: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    summed: int,
    size: Pair,
) -> tuple[int, ...]:
    """The sizes in the order of `Layer` in conv2d.cu, with what the kernel divides by: `summed` channels, and the
    `size` of the images whose places it counts."""
    (N, _, H, W), (O, C, KH, KW) = images, filters
    divisors = map(divisor, (KW, *stride, summed, math.prod(size), size[1]))
    return (N, groups, C, H, W, O // groups, *out, KH, KW, *stride, *padding, *dilation, *divisors)
