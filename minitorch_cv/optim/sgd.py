"""Stochastic gradient descent."""

from __future__ import annotations

import numpy as np

from minitorch_kernels.sgd import sgd_steps

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params, by_numbers
from .options import refuse_negative


class SGD(Optimizer):
    """p -= lr d, where g = dp + weight_decay p, b = momentum b + (1 - dampening) g, d = b.

    b starts as g. Nesterov takes d = g + momentum b; maximize negates dp. ValueError for options that make no sense.
    Source: Dive into Deep Learning, sections 12.4 and 12.6; torch.optim.SGD.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        refuse_negative("SGD", group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                f"SGD: nesterov needs a momentum above 0 and no dampening, got momentum={group['momentum']} and "
                f"dampening={group['dampening']}"
            )

    @by_numbers(counted=False)
    def update_all(self, params: list[Tensor], group: Group) -> None:
        first = [group["momentum"] != 0 and self.state[param].get("momentum_buffer") is None for param in params]
        sgd_steps(
            [param._array for param in params],
            [param.grad._array for param in params if param.grad is not None],
            [self.velocity(param) if group["momentum"] != 0 else None for param in params],
            float(group["lr"]),
            float(group["momentum"]),
            float(group["dampening"]),
            bool(group["nesterov"]),
            float(group["weight_decay"]),
            bool(group["maximize"]),
            first,
        )

    def velocity(self, param: Tensor) -> np.ndarray:
        """The momentum buffer b, uninitialised before the first step."""
        state = self.state[param]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = Tensor(np.empty_like(param._array))
        return state["momentum_buffer"]._array
