"""Reading and choosing elements: `x[...]`, gather, take, masks, one-hot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array, array_module, copied, is_on_gpu, on_gpu_of

from ..device import moved
from ..dtypes import int64
from ..listening import refuse_recording, told
from ..tensor import Tensor
from .arithmetic import where
from .differentiable import differentiable, unbroadcast
from .reduction import one_axis


def plain_index(index: Any, input: Tensor) -> Any:
    """An index with tensors and lists replaced by arrays of their own, which the gradient needs, or whole numbers.

    Arrays come to the device of `input` from the CPU.
    """
    if isinstance(index, tuple):
        return tuple(plain_index(part, input) for part in index)
    if isinstance(index, Tensor):
        if index.dtype.kind not in "iub":
            raise IndexError(
                f"tensors used as indices must be integer or bool, got {index.dtype}; convert with .long()"
            )
        if index.ndim == 0 and index.dtype.kind != "b":
            return int(index)
        return index_array(index.to(input.device) if index.device == "cpu" else index)
    if isinstance(index, list):
        return moved(np.asarray(index, None if index else int64), input.device)
    return moved(index.copy(), input.device) if isinstance(index, np.ndarray) else index


@told
def index_array(index: Tensor) -> Array:
    """The whole numbers or truth values of a tensor, as an array of its own."""
    return index._array.copy()


def is_basic(index: Any) -> bool:
    """True for an index of whole numbers, slices, None and ... only: NumPy answers it with a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts)


def with_ellipsis(index: Any) -> tuple[Any, ...]:
    """A basic index ending in ..., so that NumPy answers x[0] of a vector with a 0-d view, not with a number."""
    parts = index if isinstance(index, tuple) else (index,)
    return parts if Ellipsis in parts else (*parts, Ellipsis)


def getitem(input: Tensor, index: Any) -> Tensor:
    """y = x[index]: a view for whole numbers and slices, a copy for integer and bool arrays or tensors."""
    return select(input, plain_index(index, input))


@differentiable
def select(input: Array, index: Any) -> Any:
    """y = x[index]; the gradient is added up where elements were read, twice where they were read twice."""
    xp = array_module(input)
    shape = input.shape
    basic = is_basic(index)
    y = input[with_ellipsis(index) if basic else index]

    def dx(dy: Array) -> Array:
        if not basic:
            return added_at(shape, index, dy)
        gradient = xp.zeros(shape, dy.dtype)
        gradient[index] = dy
        return gradient

    return y, (dx,)


def added_at(shape: tuple[int, ...], index: Any, dy: Array) -> Array:
    """Zeros of this shape with `dy` added at `index`: where a place stands there twice, in the order of dy."""
    if not is_on_gpu(dy):
        gradient = np.zeros(shape, dy.dtype)
        np.add.at(gradient, index, dy)
        return gradient
    size = math.prod(shape)
    places = array_module(dy).arange(size).reshape(shape)[index]
    return kernels.add_rows(dy.reshape(-1, 1), places.reshape(-1), size).reshape(shape)


@differentiable
def setitem(input: Array, index: Any, value: Any) -> Any:
    """y = x with x[index] replaced by value (broadcast): the out-of-place twin of `x[index] = value`."""
    y = input.copy()
    y[index] = value
    value_shape = getattr(value, "shape", ())

    def dx(dy: Array) -> Array:
        gradient = dy.copy()
        gradient[index] = 0
        return gradient

    return y, (dx, None, lambda dy: sum_to(dy[index], value_shape))


def sum_to(dy: Array, shape: tuple[int, ...]) -> Array:
    """Undo the broadcasting of an assignment, which also drops leading axes of size 1 of the value."""
    squeezed = shape
    while len(squeezed) > dy.ndim and squeezed[0] == 1:
        squeezed = squeezed[1:]
    return unbroadcast(dy, squeezed).reshape(shape)


@differentiable
def gather(input: Array, dim: int, index: Array) -> Any:
    """y[i, j, ...] = x[i, index[i, j, ...], ...] for dim = 1; index has as many axes as x, no longer ones elsewhere."""
    if input.ndim != index.ndim:
        raise RuntimeError(f"gather: input of shape {input.shape} and index of shape {index.shape} need as many axes")
    axis = one_axis("gather", input, dim)
    if index.size and not (index.min() >= 0 and index.max() < input.shape[axis]):
        raise IndexError(
            f"gather: index values {index.min()}..{index.max()} are out of range for size {input.shape[axis]}"
        )
    xp = array_module(input)
    places = [xp.arange(n).reshape(n, *(1,) * (index.ndim - 1 - d)) for d, n in enumerate(index.shape)]
    places[axis] = index
    shape, where = input.shape, tuple(places)

    return input[where], (lambda dy: added_at(shape, where, dy),)


def take(input: Tensor, index: Tensor) -> Tensor:
    """y = the elements of the flattened x at `index`."""
    return getitem(input.reshape(-1), index)


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """y = the slices of x along `dim` at the positions `index` (1-d)."""
    axis = one_axis("index_select", input._array, dim)
    return getitem(input, (slice(None),) * axis + (index.reshape(-1),))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """y = value where mask holds, else x."""
    return where(mask, value, input)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """y = the elements of x where mask holds, as one row."""
    xp = array_module(input._array)
    shape = xp.broadcast_shapes(input.shape, mask.shape)
    return select(input.expand(*shape), copied(xp.broadcast_to(mask._array, shape)))


def nonzero(input: Tensor) -> Tensor:
    """The indices of the elements that are not zero, one row each: shape (count, ndim)."""
    refuse_recording("nonzero()", "keep a mask instead, whose shape does not follow from the values", input)
    xp = array_module(input._array)
    with on_gpu_of((input._array,)):
        return Tensor(xp.stack(xp.nonzero(input._array), 1))


@told
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """y[..., k] = 1 where tensor[...] = k, else 0, in int64; num_classes = -1 takes the largest value + 1."""
    labels = tensor._array
    if labels.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: labels must be integers, got {labels.dtype}; convert with .long()")
    classes = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        raise RuntimeError(
            f"one_hot: labels {labels.min()}..{labels.max()} do not fit {classes} classes (0..{classes - 1})"
        )
    return Tensor((labels[..., None] == array_module(labels).arange(classes)).astype(int64))
