"""Frozen layers, for fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..nn import Module
from ..nn.batchnorm import BatchNorm


def freeze(module: Module) -> Callable[[], None]:
    """Keep a module as it is: its parameters get no gradients, its batch norms stay in evaluation mode.

    `model.train()` does not undo the latter. Returns a function that undoes both for what this call changed.
    Source: Dive into Deep Learning, section 14.2.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    norms = [part for part in module.modules() if isinstance(part, BatchNorm)]
    handles = [norm.register_forward_pre_hook(stay_in_evaluation) for norm in norms]

    def thaw() -> None:
        for parameter in parameters:
            parameter.requires_grad_(True)
        for norm, handle in zip(norms, handles):
            handle.remove()
            norm.train()

    return thaw


def stay_in_evaluation(module: Any, inputs: Any) -> None:
    """Before each call: a batch norm in evaluation mode uses, and keeps, its running statistics."""
    module.eval()
