"""Arguments for the kernels that read and write rows of a table."""

from functools import partial

import numpy as np


def rows(rng, dtype, n=6, D=3, V=4):
    return rng.standard_normal((n, D)).astype(dtype), rng.integers(0, V, n), V


def one_place(rng, dtype):
    return rng.standard_normal((5, 2)).astype(dtype), np.full(5, 2), 3


CASES = {
    "add_rows": [
        rows,
        partial(rows, n=300, D=1, V=7),
        partial(rows, n=2, V=300),
        partial(rows, n=0),
        partial(rows, D=0),
        one_place,
    ]
}
