"""Dropout layers: what is dropped is an element, or a whole residual branch."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
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
