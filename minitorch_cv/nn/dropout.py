"""Dropout layers: what is dropped is an element, a channel, a residual branch or a weight."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .linear import Linear
from .module import Module


class Dropout(Module):
    """In training each element becomes 0 with probability p and is divided by 1 - p otherwise; y = x in eval().

    ValueError where p is no probability. Source: Dive into Deep Learning, section 5.6.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False):
        super().__init__()
        check_probability("Dropout", p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """In training each channel of an image becomes 0 with probability p and is divided by 1 - p otherwise.

    x (N, C, H, W) or (N, C, L) -> y as x; y = x in eval(). Source: Tompson et al., arXiv:1411.4280.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class DropConnectLinear(Linear):
    """y = x (w m / (1 - p))ᵀ + b: in training each weight, not each output, is dropped with probability p.

    In eval() a Linear. torch has no such layer. One mask serves the whole batch, where the paper draws one for each
    image, and eval() takes the mean weights, where the paper samples. ValueError where p is no probability.
    Source: Wan et al., "Regularization of Neural Networks using DropConnect", 2013.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        p: float = 0.5,
    ):
        super().__init__(in_features, out_features, bias, device, dtype)
        check_probability("DropConnectLinear", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, F.dropout(self.weight, self.p, self.training), self.bias)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"


class StochasticDepth(Module):
    """In training a residual branch x becomes 0 with probability p and is divided by 1 - p otherwise; y = x in eval().

    mode "batch" decides once for the batch, mode "row" for each of its images. Named as in torchvision.ops.
    ValueError where p is no probability or the mode another one. Source: Huang et al., arXiv:1603.09382.
    """

    def __init__(self, p: float, mode: str):
        super().__init__()
        check_probability("StochasticDepth", p)
        if mode not in ("batch", "row"):
            raise ValueError(f"StochasticDepth: mode={mode!r}; choose 'batch' or 'row'")
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        return F.stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


def check_probability(layer: str, p: float) -> None:
    """ValueError where p is no probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"{layer}: p={p} is no probability; choose a number from 0 to 1")
