"""Hooks: functions of the user that a module calls before and after its forward, and on the way back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, on_gpu_of

from ..graph import is_grad_enabled, no_grad
from ..ops.differentiable import attach, wrap
from ..tensor import RemovableHandle, Tensor

if TYPE_CHECKING:
    from .module import Module

Gradients = tuple[Tensor | None, ...]


def add(hooks: OrderedDict[int, Any], hook: Any, prepend: bool) -> RemovableHandle:
    """Register a hook after the others, or before them."""
    handle = RemovableHandle(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.number, last=False)
    return handle


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The module's forward between its hooks."""
    for hook, with_kwargs in list(module._forward_pre_hooks.values()):
        if with_kwargs:
            args, kwargs = hook(module, args, kwargs) or (args, kwargs)
        else:
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    watch = BackwardWatch(module) if module._backward_hooks and is_grad_enabled() else None
    if watch is not None:
        args = watch.inputs(args)
    output = module._run(*args, **kwargs)
    for hook, with_kwargs in list(module._forward_hooks.values()):
        changed = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        if changed is not None:
            output = changed
    return output if watch is None else watch.outputs(output)


class BackwardWatch:
    """One call of a module whose backward hooks wait for the gradients of its outputs, then of its inputs."""

    def __init__(self, module: Module):
        self.module = module
        self.hooks = list(module._backward_hooks.values())
        self.grad_output: Gradients = ()
        self.input_count = 0
        self.inputs_reached = False

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, watched."""
        self.input_count = len(args)
        watched = through(args, self.on_input_gradients)
        self.inputs_reached = any(a is not b for a, b in zip(watched, args))
        return watched

    def outputs(self, output: Any) -> Any:
        """The output (a tensor, or a tuple or list of values), watched."""
        if isinstance(output, Tensor):
            return through((output,), self.on_output_gradients)[0]
        if isinstance(output, (tuple, list)):
            watched = through(tuple(output), self.on_output_gradients)
            return list(watched) if isinstance(output, list) else watched
        raise TypeError(
            f"register_full_backward_hook: {type(self.module).__name__} returned a {type(output).__name__}, but "
            "backward hooks need a tensor or a tuple of tensors"
        )

    def on_output_gradients(self, gradients: Gradients) -> Gradients:
        self.grad_output = gradients
        if not self.inputs_reached:
            nothing = (None,) * self.input_count
            if any(dx is not None for dx in self.run(nothing)):
                raise RuntimeError(
                    f"a backward hook of {type(self.module).__name__} returned gradients, but none of the module's "
                    "inputs requires grad; return None"
                )
        return gradients

    def on_input_gradients(self, gradients: Gradients) -> Gradients:
        return self.run(gradients)

    def run(self, grad_input: Gradients) -> Gradients:
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != len(grad_input):
                raise RuntimeError(
                    f"a backward hook of {type(self.module).__name__} returned {len(changed)} gradients for "
                    f"{len(grad_input)} inputs"
                )
            grad_input = changed
        return grad_input


def through(values: tuple[Any, ...], receive: Callable[[Gradients], Gradients]) -> tuple[Any, ...]:
    """The same values; on the way back `receive` gets their gradients all at once, and returns what flows on.

    An operation of this engine has one output, so several tensors pass through one `joint` vector, of which only the
    gradient matters: its backward runs when all that used any of them is done. A tensor that nothing used has
    gradient 0; what is no tensor, or needs no gradient, has None.
    """
    watched = [i for i, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not watched:
        return values
    tensors = [values[i] for i in watched]
    shapes = [tensor.shape for tensor in tensors]
    ends = np.cumsum([tensor.numel() for tensor in tensors])
    parts = [slice(end - tensor.numel(), end) for tensor, end in zip(tensors, ends)]
    xp = array_module(tensors[0]._array)
    dtype = np.result_type(*(tensor.dtype for tensor in tensors))
    total = int(ends[-1])
    count = len(values)

    def d_tensors(dy: Array, needs: tuple[bool, ...]) -> tuple[Array | None, ...]:
        gradients: list[Tensor | None] = [None] * count
        for i, part, shape in zip(watched, parts, shapes):
            gradients[i] = Tensor(dy[part].reshape(shape))
        with no_grad():
            received = receive(tuple(gradients))
        return tuple(None if dx is None else dx._array for dx in (received[i] for i in watched))

    with on_gpu_of((tensors[0]._array,)):
        joint = Tensor(xp.broadcast_to(xp.zeros((), dtype), (total,)))
    attach(joint, "module_gradients", tuple(tensors), d_tensors, [])
    result = list(values)
    for i, part, tensor in zip(watched, parts, tensors):
        result[i] = wrap("module_boundary", tensor._array, (tensor,))
        attach(result[i], "module_boundary", (joint,), (place(part, total, xp),), [])
    return tuple(result)


def place(part: slice, total: int, xp: Any) -> Callable[[Array], Array]:
    """The gradient of a part of a vector as that of the whole of it."""

    def dx(dy: Array) -> Array:
        whole = xp.zeros(total, dy.dtype)
        whole[part] = dy.reshape(-1)
        return whole

    return dx
