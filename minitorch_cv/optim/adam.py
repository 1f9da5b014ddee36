"""Adam, and AdamW with its weight decay apart from the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minitorch_kernels.adam import adam_steps

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params, by_numbers
from .options import refuse_negative
from .state import buffer, count_step


class Adam(Optimizer):
    """p -= lr m̂ / (sqrt(v̂) + eps), with m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) of the running averages m and v.

    m = β₁ m + (1 - β₁) g and v = β₂ v + (1 - β₂) g², where g = dp + weight_decay p; both start at zero, which the
    divisions make up for. amsgrad takes the largest v so far for v; maximize negates dp; decoupled_weight_decay leaves
    g = dp and takes lr weight_decay p off the parameter instead. ValueError for options that make no sense.
    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, 2015; Reddi et al., On the Convergence of Adam
    and Beyond, 2018 (amsgrad); Dive into Deep Learning, section 12.10; torch.optim.Adam.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def check_options(self, group: Group) -> None:
        name = type(self).__name__
        refuse_negative(name, group, "lr", "eps", "weight_decay")
        betas = group["betas"]
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{name}: betas={betas} must be two numbers from 0 to below 1")

    @by_numbers(counted=True)
    def update_all(self, params: list[Tensor], group: Group) -> None:
        states = [self.state[param] for param in params]
        steps = [count_step(state) for state in states]
        beta1, beta2 = group["betas"]

        def buffers(name: str) -> list[np.ndarray]:
            return [buffer(state, name, param) for state, param in zip(states, params)]

        adam_steps(
            [param._array for param in params],
            [param.grad._array for param in params if param.grad is not None],
            buffers("exp_avg"),
            buffers("exp_avg_sq"),
            list(buffers("max_exp_avg_sq")) if group["amsgrad"] else [None] * len(params),
            float(group["lr"]),
            float(beta1),
            float(beta2),
            float(group["eps"]),
            float(group["weight_decay"]),
            bool(group["decoupled_weight_decay"]),
            bool(group["maximize"]),
            steps,
        )


class AdamW(Adam):
    """p -= lr weight_decay p + lr m̂ / (sqrt(v̂) + eps): Adam whose averages m and v see the gradient alone.

    Weight decay then pulls on all parameters alike; in Adam, those with large gradients decay less. Options as in Adam.
    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019; torch.optim.AdamW.
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As any optimizer; weight decay stays apart even where the state comes from Adam."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
