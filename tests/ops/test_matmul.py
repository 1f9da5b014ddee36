"""Matrix products: vectors, matrices, batches that broadcast, transposes, empty ones; linear."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.ops import linear

from .op_table import check_op, table

RNG = np.random.default_rng(0)

SHAPES = table(
    ("matrices", (2, 3), (3, 4)),
    ("vector_matrix", (3,), (3, 4)),
    ("matrix_vector", (2, 3), (3,)),
    ("vectors", (3,), (3,)),
    ("batches", (2, 2, 3), (2, 3, 4)),
    ("broadcast_right", (2, 5, 2, 3), (3, 4)),
    ("broadcast_left", (2, 3), (5, 3, 4)),
    ("broadcast_both", (2, 1, 2, 3), (5, 3, 1)),
    ("batch_vector", (5, 2, 3), (3,)),
    ("vector_batch", (3,), (5, 3, 2)),
    ("empty_sum", (2, 0), (0, 3)),
    ("empty_rows", (0, 3), (3, 2)),
)


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul(left, right):
    check_op(lambda a, b: a @ b, lambda a, b: a @ b, RNG.standard_normal(left), RNG.standard_normal(right))


def test_transposed_and_sliced_operands():
    a, b = RNG.standard_normal((3, 2, 4)), RNG.standard_normal((5, 4))
    check_op(lambda a, b: a[:, 0] @ b.T, lambda a, b: a[:, 0] @ b.T, a, b)
    check_op(lambda a: a.mT @ a, lambda a: a.swapaxes(1, 2) @ a, a)


def test_named_products():
    a, b, v = RNG.standard_normal((2, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(3)
    check_op(mt.mm, np.matmul, a, b)
    check_op(mt.mv, np.matmul, a, v)
    check_op(mt.dot, np.dot, v, v * 2)
    check_op(mt.bmm, np.matmul, np.stack([a, a * 2]), np.stack([b, b + 1]))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 4, 3), (0, 3)], ids=str)
def test_linear(shape):
    x, w, b = RNG.standard_normal(shape), RNG.standard_normal((5, 3)), RNG.standard_normal(5)
    check_op(linear, lambda x, w, b: x @ w.T + b, x, w, b)
    check_op(linear, lambda x, w: x @ w.T, x, w)


REFUSALS = table(
    (
        "sizes",
        lambda: mt.ones(2, 3) @ mt.ones(2, 3),
        r"matmul: shapes \(2, 3\) and \(2, 3\) do not fit; .* \(3\) must equal",
    ),
    (
        "scalar",
        lambda: mt.ones(2) @ mt.tensor(1.0),
        r"matmul: both operands need at least 1 axis, got shapes \(2,\) and \(\)",
    ),
    (
        "dtypes",
        lambda: mt.ones(2, 2) @ mt.ones(2, 2, dtype=mt.float64),
        "matmul: mixed dtypes: input is float32, other is float64",
    ),
    ("mm", lambda: mt.mm(mt.ones(2), mt.ones(2)), "mm: expects two matrices"),
    ("bmm", lambda: mt.bmm(mt.ones(2, 3), mt.ones(3, 2)), r"bmm: expects \(B, M, K\) and \(B, K, N\)"),
    ("dot", lambda: mt.dot(mt.ones(2, 2), mt.ones(2)), "dot: expects two vectors"),
    ("mv", lambda: mt.mv(mt.ones(2), mt.ones(2)), "mv: expects a matrix and a vector"),
    (
        "linear",
        lambda: linear(mt.ones(2, 4), mt.ones(5, 3)),
        r"linear: x of shape \(2, 4\) has 4 features but .* expects 3",
    ),
    (
        "linear_dtype",
        lambda: linear(mt.ones(2, 3), mt.ones(5, 3).double()),
        "linear: mixed dtypes: input is float32, weight is",
    ),
)


@pytest.mark.parametrize(("call", "text"), REFUSALS)
def test_refusals(call, text):
    with pytest.raises(RuntimeError, match=text):
        call()
