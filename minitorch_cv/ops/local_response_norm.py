"""Local response normalisation: each value is divided by a power of what its neighbouring channels add up to."""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array

from ..tensor import Tensor
from .differentiable import differentiable


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y_c = x_c / s_c^β with s_c = k + α / size · Σ x_j² over the `size` channels j from c - ⌊size / 2⌋ on.

    x (N, C, ...) -> y as x. Channels beyond the first and the last count as 0. As in torch the sum is divided by the
    size, which the paper does not do: its α = 1e-4 with size 5 is alpha=5e-4 here.
    ValueError for x without axes behind the channels, RuntimeError for a size below 1 and for integers.
    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 3.3.
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: x has shape {input.shape} but must be (N, C, L) or (N, C, H, W)")
    if not input.is_floating_point():
        raise RuntimeError(f"local_response_norm: x is {input.dtype} but must be floating point; convert with .float()")
    if size < 1:
        raise RuntimeError(f"local_response_norm: size is {size} but must be at least 1 channel")
    return normalised_by_neighbours(input, int(size), float(alpha), float(beta), float(k))


@differentiable
def normalised_by_neighbours(x: Array, size: int, alpha: float, beta: float, k: float) -> Any:
    """y_c = x_c s_c^-β; dx_c = dy_c s_c^-β - 2 αβ / size · x_c Σ dy_j y_j / s_j over the j with c in their window."""
    y, s = kernels.local_response_norm(x, size, alpha, beta, k)
    return y, (lambda dy: kernels.local_response_norm_grad(dy, x, s, size, alpha, beta),)
