"""Adadelta."""

from __future__ import annotations

from minitorch_kernels.adadelta import adadelta_steps

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params, by_numbers
from .options import refuse_negative
from .state import buffer, count_step


class Adadelta(Optimizer):
    """p -= lr d, where d = sqrt(u + eps) / sqrt(v + eps) g and u, v are running averages of d² and g².

    v = rho v + (1 - rho) g² with g = dp + weight_decay p, then u = rho u + (1 - rho) d²; both start at zero. The size
    of past changes takes the place of a learning rate. maximize negates dp. ValueError for options that make no sense.
    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012; Dive into Deep Learning, section 12.9;
    torch.optim.Adadelta.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        refuse_negative("Adadelta", group, "lr", "eps", "weight_decay")
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"Adadelta: rho={group['rho']} must lie between 0 and 1")

    @by_numbers(counted=True)
    def update_all(self, params: list[Tensor], group: Group) -> None:
        states = [self.state[param] for param in params]
        for state in states:
            count_step(state)
        adadelta_steps(
            [param._array for param in params],
            [param.grad._array for param in params if param.grad is not None],
            [buffer(state, "square_avg", param) for state, param in zip(states, params)],
            [buffer(state, "acc_delta", param) for state, param in zip(states, params)],
            float(group["lr"]),
            float(group["rho"]),
            float(group["eps"]),
            float(group["weight_decay"]),
            bool(group["maximize"]),
        )
