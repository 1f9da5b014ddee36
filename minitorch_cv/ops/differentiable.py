"""`@differentiable`: from one function on arrays to an operation on tensors with a gradient."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, on_gpu_of

from .. import listening
from ..graph import Node, Saved, is_grad_enabled, shares_memory
from ..tensor import Tensor
from ..views import can_follow, is_outdated
from .saved import reachable_arrays

OPERATIONS: dict[str, Callable[..., Any]] = {}
VIEWS = ("select", "reshaped", "permuted", "expanded", "contiguous")  # what they return is the same elements


def differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an operation on tensors out of `function(*arrays, **options) -> (output, backward)`.

    The output is an array, or a tuple whose first array is differentiable and whose others (indices, for instance)
    are not. The backward takes one of two forms, and never writes to `dy`:

    - a tuple of functions `dx = f(dy)`, one for each leading argument (None for one without gradient). Only those
      wanted are kept;
    - where the gradients share work, one function `backward(dy, needs)` that returns them all as a tuple, None for
      those that `needs` does not ask for.

    What these closures reach is what the operation saves (`saved.py`): an input or output array there must not be
    written before the backward ran, and a RuntimeError names it if it was. Division by zero and overflow give Inf and
    NaN without a warning, as in torch.
    """
    name = function.__name__.rstrip("_")
    labels = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def operation(*args: Any, **options: Any) -> Any:
        if any(isinstance(value, Tensor) for value in options.values()):
            args, options = tensors_first(function, args, options)
        record = is_grad_enabled() and any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if is_grad_enabled():
            refuse_stale(name, args)
        arrays = [a._array if isinstance(a, Tensor) else a for a in args]
        with np.errstate(all="ignore"), on_gpu_of(arrays):
            output, backward = function(*arrays, **options)
        if isinstance(output, tuple):
            first = wrap(name, output[0], args)
            result: Any = (first, *(Tensor(extra) for extra in output[1:]))
        else:
            first = result = wrap(name, output, args)
        if record and first.is_floating_point():
            attach(first, name, args, backward, labels)
        if listening.current.listener is not None:
            listening.current.listener(function, args, options, result)
        return result

    OPERATIONS[name] = operation
    return operation


def tensors_first(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn keyword arguments into positional ones, so that a tensor passed by name is seen as a tensor."""
    bound = inspect.signature(function).bind(*args, **options)
    bound.apply_defaults()
    return bound.args, bound.kwargs


def wrap(name: str, array: Any, inputs: tuple[Any, ...]) -> Tensor:
    """`array` as a tensor; a view of the input whose memory it shows, if any.

    Its history follows that of the base (`views.py`), but for one taken under `no_grad`, which has none on purpose, and
    for what an operation with a gradient of its own returns of its input: torch refuses to write to both.
    """
    result = Tensor(array)
    for source in inputs:
        if isinstance(source, Tensor) and shares_memory(result._array, source._array):
            result._storage = source._storage
            result._base = source if source._base is None else source._base
            result._follows = name in VIEWS and is_grad_enabled() and (source._base is None or source._follows)
            result._writes = source._writes
            break
    return result


def attach(output: Tensor, name: str, args: tuple[Any, ...], backward: Any, labels: list[str]) -> None:
    """Record that `output` was made from `args` by the operation `name`."""
    tensors = [a if isinstance(a, Tensor) else None for a in args]
    parents = tuple((t._node or t) if t is not None and t.requires_grad else None for t in tensors)
    if isinstance(backward, tuple):
        kept = tuple(f if parent is not None else None for f, parent in zip(backward, parents))
        closures: tuple[Any, ...] = kept
        backward = one_by_one(kept)
    else:
        closures = (backward,)
    output._node = Node(
        name,
        parents,
        inputs=tuple(None if t is None else (t.shape, t.dtype) for t in tensors),
        backward=backward,
        saved=find_saved(closures, output, tensors, labels),
    )


def one_by_one(functions: tuple[Any, ...]) -> Callable[..., Any]:
    """One backward out of a function for each input."""

    def backward(dy: Array, needs: tuple[bool, ...]) -> tuple[Array | None, ...]:
        return tuple(None if function is None else function(dy) for function in functions)

    return backward


def find_saved(
    closures: tuple[Any, ...], output: Tensor, tensors: list[Tensor | None], labels: list[str]
) -> list[Saved]:
    """The inputs, and the output, whose memory the closures reach."""
    kept = list(reachable_arrays(closures))
    named = [
        (f"its input {label(labels, i)!r} (shape {tensor.shape})", tensor)
        for i, tensor in enumerate(tensors)
        if tensor is not None
    ]
    named.append((f"its output (shape {output.shape})", output))
    return [
        Saved(text, tensor._storage)
        for text, tensor in named
        if any(shares_memory(array, tensor._array) for array in kept)
    ]


def label(labels: list[str], position: int) -> str:
    """The name of the parameter at `position`; the last one stands for all that follow (`*tensors`)."""
    return labels[min(position, len(labels) - 1)] if labels else str(position)


def refuse_stale(name: str, args: tuple[Any, ...]) -> None:
    """RuntimeError for an input that is a view of a tensor which was since written by a recorded operation.

    Not for one that follows its base, which has a new history by now.
    """
    for position, tensor in enumerate(args):
        if isinstance(tensor, Tensor) and is_outdated(tensor) and not can_follow(tensor):
            raise RuntimeError(
                f"{name}: input {position} (shape {tensor.shape}) is a view of a tensor that was changed in place, "
                "with a gradient, after the view was taken (under no_grad, or by an operation with a gradient of its "
                "own); take the view again"
            )


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """Undo broadcasting: sum `dy` over the axes along which an input of `shape` was repeated."""
    if dy.shape == shape:
        return dy
    lead = dy.ndim - len(shape)
    stretched = tuple(i for i, size in enumerate(shape, lead) if size == 1 and dy.shape[i] != 1)
    dx = dy.sum(axis=(*range(lead), *stretched), keepdims=True)
    return dx.reshape(shape)
