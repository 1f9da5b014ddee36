"""Adagrad."""

from __future__ import annotations

import numpy as np

from minitorch_kernels.adagrad import adagrad_steps

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params, by_numbers
from .options import refuse_negative
from .state import buffer, count_step, step_counter


class Adagrad(Optimizer):
    """p -= lrₜ g / (sqrt(s) + eps), where g = dp + weight_decay p, s = s + g² and lrₜ = lr / (1 + (t - 1) lr_decay).

    s starts at initial_accumulator_value, the constructor's for all groups; the state is there before the first step,
    t = 1. maximize negates dp. ValueError for options that make no sense.
    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization, 2011;
    Dive into Deep Learning, section 12.7; torch.optim.Adagrad.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)
        for param in self._all_params():
            step_counter(self.state[param])
            self.square_sum(param)

    def check_options(self, group: Group) -> None:
        refuse_negative("Adagrad", group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")

    def square_sum(self, param: Tensor) -> np.ndarray:
        return buffer(self.state[param], "sum", param, self.defaults["initial_accumulator_value"])

    @by_numbers(counted=True)
    def update_all(self, params: list[Tensor], group: Group) -> None:
        steps = [count_step(self.state[param]) for param in params]
        adagrad_steps(
            [param._array for param in params],
            [param.grad._array for param in params if param.grad is not None],
            [self.square_sum(param) for param in params],
            [group["lr"] / (1 + (step - 1) * group["lr_decay"]) for step in steps],
            float(group["eps"]),
            float(group["weight_decay"]),
            bool(group["maximize"]),
        )
