"""Lengths and angles of vectors along an axis."""

from __future__ import annotations

from ..tensor import Tensor
from .pointwise import clamp
from .reduction import norm, sum


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """y = x / max(‖x‖_p, ε) along `dim`: vectors of length 1."""
    return input / clamp(norm(input, p, dim, keepdim=True), min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = x1 · x2 / (max(‖x1‖, ε) max(‖x2‖, ε)) along `dim`."""
    return sum(normalize(x1, 2, dim, eps) * normalize(x2, 2, dim, eps), dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """y = ‖x1 - x2 + ε‖_p along the last axis."""
    return norm(x1 - x2 + eps, p, -1, keepdim)
