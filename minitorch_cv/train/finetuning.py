"""Fine-tuning: a trained network gets a new last layer and learns other classes from few images.

Source: Dive into Deep Learning, section 14.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..graph import no_grad
from ..nn import Conv2d, Linear, Module
from ..nn.init import xavier_uniform_
from .freezing import freeze


def find_head(model: Module) -> tuple[str, Linear | Conv2d]:
    """The name and the layer that gives the class scores: the last linear layer or convolution of the model.

    All networks of `minitorch_cv.models` define that layer last; NiN and SqueezeNet have a convolution there, whose
    maps are averaged. ValueError for a model that has neither kind of layer.
    """
    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, (Linear, Conv2d))]
    if not layers:
        raise ValueError(f"{type(model).__name__}: has no linear layer or convolution that could give class scores")
    return layers[-1]


def count_outputs(head: Linear | Conv2d) -> int:
    """How many classes a head tells apart."""
    return head.out_features if isinstance(head, Linear) else head.out_channels


def replace_head(model: Module, num_classes: int, keep_rows: Mapping[int, int] | None = None) -> Module:
    """Put a layer for num_classes classes, with Xavier-uniform weights, in the place of the head; returns that layer.

    keep_rows: {new class: old class} for classes that stay; their weights and biases are those of the old head. All
    other layers, and so what the network has learned to see, are kept. ValueError for a class that is not there.
    """
    name, old = find_head(model)
    if num_classes < 1:
        raise ValueError(f"replace_head: num_classes={num_classes}; choose 1 or more")
    if not name:
        raise ValueError("replace_head: the model is itself one layer; put it into a Sequential")
    new = layer_like(old, num_classes)
    xavier_uniform_(new.weight)
    copy_rows(old, new, keep_rows or {})
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, new)
    return new


def layer_like(old: Linear | Conv2d, num_classes: int) -> Linear | Conv2d:
    """A fresh layer with the inputs and options of `old` and num_classes outputs."""
    bias, dtype = old.bias is not None, old.weight.dtype
    if isinstance(old, Linear):
        return Linear(old.in_features, num_classes, bias, dtype=dtype)
    return Conv2d(
        old.in_channels,
        num_classes,
        old.kernel_size,
        old.stride,
        old.padding,
        old.dilation,
        old.groups,
        bias,
        old.padding_mode,
        dtype=dtype,
    )


def copy_rows(old: Linear | Conv2d, new: Linear | Conv2d, rows: Mapping[int, int]) -> None:
    """Weights and biases of these classes from the old head into the new one."""
    for new_class, old_class in rows.items():
        for row, head in ((new_class, new), (old_class, old)):
            if not 0 <= row < count_outputs(head):
                raise ValueError(
                    f"replace_head: keep_rows has {new_class}: {old_class}, but the {'new' if head is new else 'old'} "
                    f"head has the classes 0 to {count_outputs(head) - 1}"
                )
        with no_grad():
            new.weight[new_class] = old.weight[old_class]
            if old.bias is not None:
                new.bias[new_class] = old.bias[old_class]


def freeze_body(model: Module) -> Callable[[], None]:
    """Keep all but the head as it is (see `freeze`); returns a function that undoes this."""
    thaw = freeze(model)
    for parameter in find_head(model)[1].parameters():
        parameter.requires_grad_(True)
    return thaw


def head_and_body(model: Module, lr: float, head_factor: float = 10.0) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: the head learns with head_factor times the learning rate of the body.

    `SGD(head_and_body(net, lr=0.01), lr=0.01, weight_decay=1e-3)`. Frozen parameters are left out; of a body that is
    frozen as a whole no group remains. Source: Dive into Deep Learning, section 14.2.
    """
    head = list(find_head(model)[1].parameters())
    known = {id(parameter) for parameter in head}
    body = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups: list[dict[str, Any]] = [{"params": head, "lr": lr * head_factor}, {"params": body, "lr": lr}]
    for group in groups:
        group["params"] = [parameter for parameter in group["params"] if parameter.requires_grad]
    return [group for group in groups if group["params"]]
