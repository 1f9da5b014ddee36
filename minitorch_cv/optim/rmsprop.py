"""RMSProp."""

from __future__ import annotations

from minitorch_kernels.rmsprop import rmsprop_step

from ..tensor import Tensor
from .optimizer import Group, Optimizer, Params
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

    def update(self, param: Tensor, group: Group) -> None:
        assert param.grad is not None
        state = self.state[param]
        count_step(state)
        rmsprop_step(
            param._array,
            param.grad._array,
            buffer(state, "square_avg", param),
            buffer(state, "momentum_buffer", param) if group["momentum"] > 0 else None,
            buffer(state, "grad_avg", param) if group["centered"] else None,
            float(group["lr"]),
            float(group["alpha"]),
            float(group["eps"]),
            float(group["weight_decay"]),
            float(group["momentum"]),
            bool(group["maximize"]),
        )
