"""Normalisation layers that need no other image of the batch; those that do are in `batchnorm.py`."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module


class LocalResponseNorm(Module):
    """y = x / (k + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels.

    x (N, C, ...) -> y as x. Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural
    Networks", 2012, section 3.3, whose alpha is not divided by the size.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
