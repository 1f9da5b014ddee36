"""RMSProp."""

from __future__ import annotations

import numpy as np

from minitorch_kernels.rmsprop import rmsprop_steps

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params, by_numbers
from .options import refuse_negative
from .state import buffer, count_step


class RMSprop(Optimizer):
    """p -= lr g / (sqrt(v) + eps), where g = dp + weight_decay p and v = alpha v + (1 - alpha) g².

    v starts at zero. centered takes the variance v - ḡ² for v, with ḡ = alpha ḡ + (1 - alpha) g. With momentum,
    b = momentum b + g / (sqrt(v) + eps) and p -= lr b. maximize negates dp. ValueError for options that make no sense.
    Source: Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; Graves, Generating Sequences
    With Recurrent Neural Networks, 2013 (centered); Dive into Deep Learning, section 12.8; torch.optim.RMSprop.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        refuse_negative("RMSprop", group, "lr", "alpha", "eps", "weight_decay", "momentum")

    @by_numbers(counted=True)
    def update_all(self, params: list[Tensor], group: Group) -> None:
        states = [self.state[param] for param in params]
        for state in states:
            count_step(state)

        def buffers(name: str) -> list[np.ndarray]:
            return [buffer(state, name, param) for state, param in zip(states, params)]

        rmsprop_steps(
            [param._array for param in params],
            [param.grad._array for param in params if param.grad is not None],
            buffers("square_avg"),
            list(buffers("momentum_buffer")) if group["momentum"] > 0 else [None] * len(params),
            list(buffers("grad_avg")) if group["centered"] else [None] * len(params),
            float(group["lr"]),
            float(group["alpha"]),
            float(group["eps"]),
            float(group["weight_decay"]),
            float(group["momentum"]),
            bool(group["maximize"]),
        )
