"""Matrix products."""

from __future__ import annotations

import math
from typing import Any

from minitorch_kernels.arrays import Array
from minitorch_kernels.cuda.precision import as_now
from minitorch_kernels.matmul import matmul as matmul_kernel

from ..tensor import Tensor
from .checks import same_dtype
from .differentiable import differentiable, unbroadcast


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """y = input @ other, over the last two axes; leading axes broadcast.

    (..., M, K) @ (..., K, N) -> (..., M, N); a vector on the left is a row, on the right a column, and its axis is
    dropped.
    """
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(f"matmul: both operands need at least 1 axis, got shapes {input.shape} and {other.shape}")
    if input.shape[-1] != other.shape[-2 if other.ndim > 1 else 0]:
        raise RuntimeError(
            f"matmul: shapes {input.shape} and {other.shape} do not fit; the last axis of the first "
            f"({input.shape[-1]}) must equal the {'second to last ' if other.ndim > 1 else ''}axis of the second"
        )
    same_dtype("matmul", input=input, other=other)
    a = input.unsqueeze(0) if input.ndim == 1 else input
    b = other.unsqueeze(1) if other.ndim == 1 else other
    y = product(a, b)
    if other.ndim == 1:
        y = y.squeeze(-1)
    return y.squeeze(-2 if other.ndim > 1 else -1) if input.ndim == 1 else y


@differentiable
def product(a: Array, b: Array) -> Any:
    """y = a b; da = dy bᵀ, db = aᵀ dy."""
    a_shape, b_shape, matmul = a.shape, b.shape, as_now(matmul_kernel)
    return matmul(a, b), (
        lambda dy: unbroadcast(matmul(dy, b.swapaxes(-1, -2)), a_shape),
        lambda dy: unbroadcast(matmul(a.swapaxes(-1, -2), dy), b_shape),
    )


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise RuntimeError(f"mm: expects two matrices, got shapes {input.shape} and {mat2.shape}; matmul takes batches")
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two batches of matrices: (B, M, K) @ (B, K, N)."""
    if input.ndim != 3 or mat2.ndim != 3 or len(input) != len(mat2):
        raise RuntimeError(f"bmm: expects (B, M, K) and (B, K, N), got shapes {input.shape} and {mat2.shape}")
    return matmul(input, mat2)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Σ x_i z_i of two vectors."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"dot: expects two vectors, got shapes {input.shape} and {tensor.shape}")
    return matmul(input, tensor)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"mv: expects a matrix and a vector, got shapes {input.shape} and {vec.shape}")
    return matmul(input, vec)


@differentiable
def linear(input: Array, weight: Array, bias: Any = None) -> Any:
    """y = x wᵀ + b.

    x (..., I), w (O, I), b (O,) -> y (..., O). Computed as yᵀ = w xᵀ, so that batch-last memory is read and written in
    order. RuntimeError where sizes do not fit. Source: Dive into Deep Learning, section 3.1.
    """
    x, w, b = input, weight, bias
    if w.ndim != 2 or x.ndim < 1 or x.shape[-1] != w.shape[1]:
        raise RuntimeError(
            f"linear: x of shape {x.shape} has {x.shape[-1] if x.ndim else 0} features but weight of shape {w.shape} "
            f"expects {w.shape[-1]}"
        )
    same_dtype("linear", input=x, weight=w, bias=b)
    (O, I), N, x_shape = w.shape, math.prod(x.shape[:-1]), x.shape
    x2, matmul = x.reshape(N, I), as_now(matmul_kernel)  # (..., I) -> (N, I)
    y = matmul(w, x2.T)
    if b is not None:
        y += b[:, None]

    def dx(dy: Array) -> Array:
        return matmul(w.T, dy.reshape(N, O).T).T.reshape(x_shape)

    def dw(dy: Array) -> Array:
        return matmul(dy.reshape(N, O).T, x2)

    def db(dy: Array) -> Array:
        return dy.reshape(N, O).sum(0)

    return y.T.reshape(*x_shape[:-1], O), (dx, dw, db)
