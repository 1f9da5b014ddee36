"""The same elements under another shape, repeated, or joined. What can share memory does."""

from __future__ import annotations

import math
from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module

from ..dtypes import result_dtype
from ..tensor import Tensor
from .arithmetic import as_dtype
from .differentiable import differentiable, unbroadcast
from .reduction import axes, numpy_names, one_axis


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given as numbers, or as one tuple or list."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    return tuple(int(size) for size in shape)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """y = the elements of x, in row-major order, as `shape` (one size may be -1); shares memory where strides allow."""
    return reshaped(input, sizes(shape))


def view(input: Tensor, *shape: Any) -> Tensor:
    """`reshape`, or with a dtype, the memory read as that type.

    torch's `view` raises where sharing memory is impossible. Here convolutions return batch-last memory, for which no
    reader of `x.view(-1)` wants an error: `view` copies there, as `reshape` does.
    """
    if len(shape) == 1 and not isinstance(shape[0], (int, tuple, list)):
        return Tensor(input.detach()._array.view(shape[0]))
    return reshaped(input, sizes(shape))


@differentiable
def reshaped(input: Array, shape: tuple[int, ...]) -> Any:
    """y = x in `shape`, row-major order of the logical elements."""
    old = input.shape
    try:
        y = input.reshape(shape)
    except ValueError:
        raise RuntimeError(
            f"reshape: {input.size} elements of shape {old} cannot become {shape} ({math.prod(shape)} elements)"
        ) from None
    return y, (lambda dy: dy.reshape(old),)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """y = x with the axes start_dim..end_dim joined into one."""
    if input.ndim == 0:
        return input.reshape(1)
    start, end = axes("flatten", input._array, (start_dim, end_dim))
    if start > end:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} for shape {input.shape}")
    joined = math.prod(input.shape[start : end + 1])
    return reshaped(input, (*input.shape[:start], joined, *input.shape[end + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    """y = x with the axis `dim` split into `sizes`."""
    axis = one_axis("unflatten", input._array, dim)
    return reshaped(input, (*input.shape[:axis], *sizes, *input.shape[axis + 1 :]))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """y = x without its axes of size 1, or without those in `dim` that have size 1."""
    chosen = axes("squeeze", input._array, dim)
    return reshaped(input, tuple(n for d, n in enumerate(input.shape) if n != 1 or d not in chosen))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """y = x with a new axis of size 1 at `dim`."""
    if not -input.ndim - 1 <= dim <= input.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for a tensor of shape {input.shape}")
    position = dim % (input.ndim + 1)
    return reshaped(input, (*input.shape[:position], 1, *input.shape[position:]))


def permute(input: Tensor, *dims: Any) -> Tensor:
    """y = x with its axes in the order `dims`; a view."""
    order = axes("permute", input._array, sizes(dims))
    if sorted(order) != list(range(input.ndim)):
        raise RuntimeError(f"permute: dims {sizes(dims)} must name each of the {input.ndim} axes once")
    return permuted(input, order)


@differentiable
def permuted(input: Array, order: tuple[int, ...]) -> Any:
    """y = x with its axes in `order`; the gradient goes back in the inverse order."""
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    return input.transpose(order), (lambda dy: dy.transpose(inverse),)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """y = x with two axes exchanged; a view."""
    first, second = axes("transpose", input._array, (dim0, dim1)) or (0, 0)
    order = list(range(input.ndim))
    if order:
        order[first], order[second] = second, first
    return permuted(input, tuple(order))


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a tensor of fewer axes itself."""
    if input.ndim > 2:
        raise RuntimeError(f"t: expects at most 2 axes, got shape {input.shape}; use transpose(dim0, dim1)")
    return permuted(input, tuple(reversed(range(input.ndim))))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """y = x with the axes `source` moved to `destination`, the others in their order."""
    start, end = axes("movedim", input._array, source), axes("movedim", input._array, destination)
    order = [d for d in range(input.ndim) if d not in start]
    for position, axis in sorted(zip(end, start)):
        order.insert(position, axis)
    return permuted(input, tuple(order))


def expand(input: Tensor, *shape: Any) -> Tensor:
    """y = x repeated along axes of size 1 (and new leading axes) without copying; -1 keeps a size."""
    target = sizes(shape)
    old = (1,) * (len(target) - input.ndim) + input.shape
    wanted = tuple(n if size == -1 else size for n, size in zip(old, target))
    if len(old) != len(target) or any(n not in (1, size) for n, size in zip(old, wanted)):
        raise RuntimeError(f"expand: shape {input.shape} cannot be expanded to {target}; only axes of size 1 can")
    return expanded(input, wanted)


@differentiable
def expanded(input: Array, shape: tuple[int, ...]) -> Any:
    """y = x broadcast to `shape`; the gradient is summed over the repeats."""
    old = input.shape
    return array_module(input).broadcast_to(input, shape), (lambda dy: unbroadcast(dy, old),)


def broadcast_to(input: Tensor, size: tuple[int, ...]) -> Tensor:
    """`expand` under NumPy's name."""
    return expand(input, size)


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """y = x tiled `repeats` times along each axis; a copy."""
    counts = sizes(repeats)
    if len(counts) < input.ndim:
        raise RuntimeError(f"repeat: {len(counts)} repeats for a tensor of shape {input.shape}; give one for each axis")
    return tiled(input, counts)


@differentiable
def tiled(input: Array, counts: tuple[int, ...]) -> Any:
    """y = x tiled; the gradient is summed over the copies."""
    old = (1,) * (len(counts) - input.ndim) + input.shape
    shape = input.shape

    def dx(dy: Array) -> Array:
        interleaved = [n for pair in zip(counts, old) for n in pair]
        # (r0*n0, r1*n1, ...) -> (r0, n0, r1, n1, ...)
        return dy.reshape(interleaved).sum(axis=tuple(range(0, 2 * len(counts), 2))).reshape(shape)

    return array_module(input).tile(input, counts), (dx,)


def flip(input: Tensor, *dims: Any) -> Tensor:
    """y = x with the order of elements reversed along `dims`; a copy, as in torch."""
    return flipped(input, axes("flip", input._array, sizes(dims)))


@differentiable
def flipped(input: Array, reversed_axes: tuple[int, ...]) -> Any:
    """y = x with its elements in reverse order along some axes; so is the gradient."""
    xp = array_module(input)
    return xp.flip(input, reversed_axes).copy(), (lambda dy: xp.flip(dy, reversed_axes),)


@differentiable
def roll(input: Array, shifts: Any, dims: Any = None) -> Any:
    """y = x shifted along `dims`, what falls off one end returning at the other."""
    xp = array_module(input)
    back = tuple(-s for s in shifts) if isinstance(shifts, (tuple, list)) else -shifts
    return xp.roll(input, shifts, dims), (lambda dy: xp.roll(dy, back, dims),)


@numpy_names
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """y = the tensors joined along `dim`; they agree in all other sizes."""
    tensors = [x for x in tensors if x.shape != (0,)] or list(tensors)
    if not tensors:
        raise RuntimeError("cat: expected at least one tensor, got an empty list")
    axis = one_axis("cat", tensors[0]._array, dim)
    for i, x in enumerate(tensors):
        same = x.ndim == tensors[0].ndim and all(
            n == m for d, (n, m) in enumerate(zip(x.shape, tensors[0].shape)) if d != axis
        )
        if not same:
            raise RuntimeError(
                f"cat: tensor {i} has shape {x.shape} but tensor 0 has {tensors[0].shape}; "
                f"all sizes but that of dim {dim} must agree"
            )
    return joined(*tensors, dim=axis)


@differentiable
def joined(*tensors: Array, dim: int) -> Any:
    """y = [x_0, x_1, ...] along `dim`; each gradient is its slice of dy."""
    dtype = result_dtype(*tensors)
    y = kernels.join(dim, *(as_dtype(x, dtype) for x in tensors))
    slices = []
    start = 0
    for x in tensors:
        slices.append((slice(None),) * dim + (slice(start, start + x.shape[dim]),))
        start += x.shape[dim]
    return y, tuple(lambda dy, part=part: dy[part] for part in slices)


@numpy_names
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """y = the tensors, all of one shape, joined along a new axis `dim`."""
    tensors = list(tensors)
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise RuntimeError(f"stack: tensor {i} has shape {x.shape} but tensor 0 has {tensors[0].shape}")
    return cat([unsqueeze(x, dim) for x in tensors], dim)


def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into pieces of one size (the last may be smaller) or of the sizes listed; views."""
    axis = one_axis("split", input._array, dim)
    size = input.shape[axis]
    if isinstance(split_size_or_sections, int):
        step = split_size_or_sections
        if step <= 0:
            raise RuntimeError(f"split: split_size must be positive, got {step}")
        sections = [min(step, size - start) for start in range(0, size, step)] or [0]
    else:
        sections = list(split_size_or_sections)
        if sum(sections) != size:
            raise RuntimeError(
                f"split: sections {sections} add up to {sum(sections)}, not to the size {size} of dim {dim}"
            )
    ends = [sum(sections[: i + 1]) for i in range(len(sections))]
    before = (slice(None),) * axis
    return tuple(input[(*before, slice(end - n, end))] for end, n in zip(ends, sections))


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """x cut along `dim` into at most `chunks` pieces of equal size, the last one smaller where it does not divide."""
    if chunks <= 0:
        raise RuntimeError(f"chunk: chunks must be positive, got {chunks}")
    axis = one_axis("chunk", input._array, dim)
    return split(input, max(-(-input.shape[axis] // chunks), 1), axis)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of x along `dim`, without that axis."""
    axis = one_axis("unbind", input._array, dim)
    return tuple(input[(slice(None),) * axis + (i,)] for i in range(input.shape[axis]))


@differentiable
def cast(input: Array, dtype: Any) -> Any:
    """y = x in another dtype, a copy; the gradient returns in x's."""
    return input.astype(dtype), (lambda dy: dy,)


@differentiable
def clone(input: Array) -> Any:
    """y = a copy of x, in the same memory order; the gradient passes through."""
    return input.copy(order="K"), (lambda dy: dy,)


@differentiable
def contiguous(input: Array) -> Any:
    """y = x in row-major memory: x itself where it is already."""
    return array_module(input).asarray(input, order="C"), (lambda dy: dy,)


@differentiable
def triangle(input: Array, diagonal: int, upper: bool) -> Any:
    """y = x with zeros below (upper) or above (lower) a diagonal."""
    xp = array_module(input)
    keep = xp.triu if upper else xp.tril
    return keep(input, diagonal), (lambda dy: keep(dy, diagonal),)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle of x, zeros below."""
    return triangle(input, diagonal, True)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle of x, zeros above."""
    return triangle(input, diagonal, False)
