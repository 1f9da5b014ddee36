"""Why a loss is NaN or infinite: looked for once it is, from the images on, so that it costs nothing before."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from ..graph import no_grad
from ..tensor import Tensor

STEPS = "the steps are too large"
AXES = {4: ("image", "channel", "row", "column"), 2: ("row", "column"), 1: ("element",)}


class NonFiniteWeightsError(ArithmeticError):
    """A step made weights NaN or infinite; what was saved before is whole."""


def cause_of(model: Any, images: Tensor, labels: Tensor, stepped: bool) -> str:
    """What is not finite, and where; begins with STEPS if that is to blame, as it is in a run that began well.

    stepped: whether the weights have been changed before. The model is left as it is.
    """
    for name, tensor in (("images", images), ("labels", labels)):
        if place := first_not_finite(tensor):
            return f"the {name} of this batch hold {place}; repair or leave out that one"
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if place := first_not_finite(tensor):
            if stepped:
                return f"{STEPS}: {name} has come to hold {place}"
            return f"{name} holds {place} before the first step; build the network anew, or load other weights"
    layer = ""
    with suppress(Exception):  # a model that is no Module, or whose forward has side effects
        layer = first_layer_not_finite(model, images)
    if stepped:
        return STEPS + (f": {layer}, from weights that are finite" if layer else "")
    return (layer or "the loss itself is not finite, with images and outputs that are") + (
        "; no step was taken yet, so look at the scale of the images and of the weights, not at the learning rate"
    )


def first_not_finite(tensor: Tensor) -> str:
    """`nan at image 3, channel 0, row 5, column 7`; empty where all numbers are finite."""
    array = tensor.detach().cpu().numpy()
    if array.dtype.kind != "f":
        return ""
    wrong = ~np.isfinite(array)
    if not wrong.any():
        return ""
    place = np.unravel_index(int(wrong.argmax()), array.shape)
    axes = AXES.get(array.ndim)
    if axes is None:
        where = f"[{', '.join(map(str, place))}]"
    else:
        where = ", ".join(f"{axis} {position}" for axis, position in zip(axes, place))
    return f"{array[place]} at {where or 'its only element'}"


def first_layer_not_finite(model: Any, images: Tensor) -> str:
    """The innermost module that gives numbers which are not finite, in a forward pass more; empty if there is none."""
    found: list[str] = []
    handles = [module.register_forward_hook(watch(path, found)) for path, module in model.named_modules()]
    buffers = [(buffer, buffer._array.copy()) for buffer in model.buffers()]
    hybridized = [(module, module._compiled) for module in model.modules()]
    try:
        for module, _ in hybridized:
            module._compiled = None
        with no_grad():
            model(images)
    finally:
        for module, compiled in hybridized:
            module._compiled = compiled
        for buffer, values in buffers:
            buffer._array[...] = values
        for handle in handles:
            handle.remove()
    return found[0] if found else ""


def watch(path: str, found: list[str]) -> Any:
    """A forward hook that notes a result which is not finite; inner modules come before those around them."""

    def hook(module: Any, inputs: Any, output: Any) -> None:
        outputs: Iterable[Any] = output if isinstance(output, (tuple, list)) else (output,)
        for value in outputs:
            if isinstance(value, Tensor) and (place := first_not_finite(value)):
                found.append(f"{path or 'the network'} ({type(module).__name__}) gives {place}")
                return

    return hook
