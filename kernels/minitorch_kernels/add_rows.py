"""Rows added up where their numbers say: the gradient of reading rows of a table."""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module, empty_like
from .cuda.launch import dense, elements, launch
from .kernel import Kernel


def add_rows_reference(rows: np.ndarray, places: np.ndarray, V: int) -> np.ndarray:
    """y[v] = Σ rows[i] over the i with places[i] = v, added up in the order of i; 0 where there is none.

    rows (n, D), places (n,) int64 in 0..V - 1 -> y (V, D).
    """
    y = np.zeros((V, rows.shape[1]), rows.dtype)
    np.add.at(y, places, rows)
    return y


def add_rows_cuda(rows: Array, places: Array, V: int) -> Array:
    """Places are sorted, so that what is added to a row stands together and each thread can fetch it."""
    xp, D = array_module(rows), rows.shape[1]
    order = xp.argsort(places, kind="stable")
    starts = xp.searchsorted(places[order], xp.arange(V + 1))
    y = empty_like(rows, (V, D))
    launch("add_rows.cu", "add_rows", *elements(V * D), dense(rows), order, starts, y, V, D)
    return y


add_rows = Kernel("add_rows", add_rows_reference, None, add_rows_cuda)
