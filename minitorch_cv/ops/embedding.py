"""Embedding: a table of vectors, read by row numbers."""

from __future__ import annotations

from typing import Any

import minitorch_kernels as kernels
from minitorch_kernels.arrays import Array

from ..listening import told
from ..tensor import Tensor
from .differentiable import differentiable


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """y[...] = w[x[...]]: the row of the table for each number.

    x (...) int32 or int64, w (V, D) -> y (..., D). The row `padding_idx` (from the end, if negative) gets no gradient.
    IndexError for numbers outside 0..V - 1, RuntimeError for others than integers and for a table that is no matrix.
    torch's max_norm, scale_grad_by_freq and sparse are not offered.
    """
    if weight.ndim != 2:
        raise RuntimeError(f"embedding: weight has shape {weight.shape} but must be a matrix (V, D)")
    if input.dtype.name not in ("int32", "int64"):
        raise RuntimeError(f"embedding: x is {input.dtype} but must be int32 or int64; convert with .long()")
    V = len(weight)
    return rows_of_table(weight, checked_rows(input._array, V), row_number(padding_idx, V))


@differentiable
def rows_of_table(weight: Array, rows: Array, padding_idx: int | None) -> Any:
    """y = w[rows]; dw[v] = Σ dy over the places where v was read, added up in the order in which they were."""
    V, D = weight.shape

    def dw(dy: Array) -> Array:
        gradient = kernels.add_rows(dy.reshape(-1, D), rows.reshape(-1), V)
        if padding_idx is not None:
            gradient[padding_idx] = 0
        return gradient

    return weight[rows], (dw,)


@told
def checked_rows(rows: Array, V: int) -> Array:
    """A copy, which the gradient needs. IndexError that names the first number outside 0..V - 1."""
    outside = (rows < 0) | (rows >= V)
    if outside.any():
        raise IndexError(
            f"embedding: index {rows[outside][0]} is out of range; the table has the rows 0..{V - 1} (shape of x: "
            f"{rows.shape})"
        )
    return rows.copy()


def row_number(padding_idx: int | None, V: int) -> int | None:
    """`padding_idx` counted from the start. IndexError where there is no such row."""
    if padding_idx is None:
        return None
    if not -V <= padding_idx < V:
        raise IndexError(f"embedding: padding_idx {padding_idx} is out of range; the table has the rows 0..{V - 1}")
    return padding_idx % V
