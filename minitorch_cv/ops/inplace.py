"""Writing into a tensor: `x += y`, `x[i] = v`, `x.zero_()`.

An in-place operation computes its out-of-place twin and writes the result into the memory of the target, which takes
over the twin's history. If the target is a view, the history of its base is rewritten, and all views of it follow
(`views.py`). Whatever else was saved before the write is out of date from then on, and says so when it is used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, is_writable
from minitorch_kernels.memory import rewritten

from .. import listening
from ..device import moved
from ..dtypes import category
from ..graph import is_grad_enabled
from ..listening import told
from ..tensor import Tensor, array_from
from ..views import Part, follow, stop_retaining
from . import arithmetic, indexing, pointwise
from .differentiable import attach, differentiable, refuse_stale, unbroadcast


def write(name: str, target: Tensor, value: Tensor) -> Tensor:
    """Write `value`, which was computed from `target`, into the memory of `target`, and record it."""
    if value.shape != target.shape:
        raise RuntimeError(
            f"{name}: the result has shape {value.shape}, which does not fit in place into {target.shape}"
        )
    if category(value.dtype) > category(target.dtype):
        raise RuntimeError(
            f"{name}: the result is {value.dtype} and cannot be written into a tensor of {target.dtype}; "
            f"convert the tensor first, with .to({value.dtype})"
        )
    recorded = is_grad_enabled() and (value.requires_grad or target.requires_grad)
    if recorded and not target.requires_grad and target._base is not None and target._base.requires_grad:
        raise RuntimeError(
            f"{name}: the tensor of shape {target.shape} is a view that was taken under no_grad, of a tensor with a "
            "gradient that this write, which has one, would cut off; take the view again outside"
        )
    overwrite_memory(target, ..., value)
    if recorded:
        record_write(name, target, value)
    if listening.current.listener is not None:
        listening.current.listener(write, (name, target, value), {}, target)
    return target


@told
def overwrite_memory(target: Tensor, index: Any, value: Any) -> None:
    """x[index] = value in the memory of x; says nothing to the graph."""
    target._array[index] = value._array if isinstance(value, Tensor) else value
    target._storage.version += 1
    rewritten(target._array)


def before_write(name: str, target: Tensor) -> None:
    """RuntimeError where writing would spoil a leaf that requires grad, or memory that cannot be written."""
    owner = target if target._base is None else target._base
    if is_grad_enabled():
        refuse_stale(name, (target,))
        if owner._node is None and owner.requires_grad:
            kind = "a leaf" if owner is target else "a view of a leaf"
            raise RuntimeError(
                f"{name}: in-place write on {kind} that requires grad (shape {target.shape}); wrap it in "
                "`with no_grad():`, or write out of place"
            )
    if not is_writable(target._array):
        raise RuntimeError(
            f"{name}: the tensor of shape {target.shape} shows repeated or read-only memory (from expand, say); "
            "clone() it before writing"
        )


def record_write(name: str, target: Tensor, value: Tensor) -> None:
    """Give `target` the history of `value`; if it is a view, its base gets a history in which that part is replaced."""
    base = target._base
    if base is None:
        retained = stop_retaining(target, target._node)
        target._node = value._node
        target._writes += 1
    else:
        retained = stop_retaining(base, base._node)
        record_in_base(name, target, base, value)
        target = base
    if retained:
        target.retain_grad()


def record_in_base(name: str, target: Tensor, base: Tensor, value: Tensor) -> None:
    """Record that the part of `base` which `target` shows became `value`; its other views follow."""
    part = Part(base._array, target._array)
    history = Tensor(base._array)
    attach(history, name, (base, value), (part.without, part.cut_out), ["base", "value"])
    base._node = history._node
    base._writes += 1
    follow(target)


def setitem(target: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, with gradients to what is left of x and to value."""
    before_write("setitem", target)
    index = indexing.plain_index(index, target)
    if not isinstance(value, (Tensor, int, float)):
        value = moved(array_from(value), target.device)
    if is_grad_enabled() and (target.requires_grad or (isinstance(value, Tensor) and value.requires_grad)):
        write("setitem", target, indexing.setitem(target, index, value))
    else:
        overwrite_memory(target, index, value)


@differentiable
def overwrite(target: Array, value: Any) -> Any:
    """y = value, broadcast to the shape of the target and in its dtype; nothing flows back to the old values."""
    xp = array_module(target)
    y = xp.empty_like(target)
    y[...] = value
    shape = getattr(value, "shape", ())
    return y, (xp.zeros_like, lambda dy: unbroadcast(dy, shape))


def copy_(target: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """x = src, broadcast, converted to x's dtype and moved to x's device, in x's memory."""
    before_write("copy_", target)
    if isinstance(src, Tensor):
        src = src.to(target.device)
    elif isinstance(src, np.ndarray):
        src = moved(src, target.device)
    if is_grad_enabled() and (target.requires_grad or (isinstance(src, Tensor) and src.requires_grad)):
        return write("copy_", target, overwrite(target, src))
    overwrite_memory(target, ..., src)
    return target


def fill_(target: Tensor, value: Any) -> Tensor:
    """x = value everywhere, in x's memory."""
    return copy_(target, value)


def zero_(target: Tensor) -> Tensor:
    """x = 0 everywhere, in x's memory."""
    return copy_(target, 0)


def masked_fill_(target: Tensor, mask: Tensor, value: Any) -> Tensor:
    """x = value where mask holds, in x's memory."""
    before_write("masked_fill_", target)
    return write("masked_fill_", target, indexing.masked_fill(target, mask, value).to(target.dtype))


@told
def old_values(target: Tensor) -> Tensor:
    """A copy of `target` with the same history, for a twin whose gradient needs what is about to be overwritten."""
    old = Tensor(target._array.copy(order="K"))
    old._node = target._node
    return old


def in_place(name: str, twin: Any) -> Any:
    """The in-place version of the operation `twin`, under torch's name with a trailing underscore."""

    def operation(target: Tensor, *args: Any, **options: Any) -> Tensor:
        before_write(name, target)
        value = twin(target, *args, **options)
        if value._node is not None and any(saved.storage is target._storage for saved in value._node.saved):
            value = twin(old_values(target), *args, **options)
        return write(name, target, value)

    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = f"`{twin.__name__}` written into the memory of the tensor itself."
    return operation


add_ = in_place("add_", arithmetic.add)
sub_ = in_place("sub_", arithmetic.sub)
mul_ = in_place("mul_", arithmetic.mul)
div_ = in_place("div_", arithmetic.div)
pow_ = in_place("pow_", arithmetic.pow)
remainder_ = in_place("remainder_", arithmetic.remainder)
floor_divide_ = in_place("floor_divide_", arithmetic.floor_divide)
lerp_ = in_place("lerp_", arithmetic.lerp)
neg_ = in_place("neg_", pointwise.neg)
abs_ = in_place("abs_", pointwise.abs)
exp_ = in_place("exp_", pointwise.exp)
log_ = in_place("log_", pointwise.log)
sqrt_ = in_place("sqrt_", pointwise.sqrt)
round_ = in_place("round_", pointwise.round)
clamp_ = in_place("clamp_", pointwise.clamp)
