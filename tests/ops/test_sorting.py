"""sort, argsort, topk: order, stability, gradients."""

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op

X = np.random.default_rng(0).standard_normal((3, 4, 5))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_sort(dim):
    check_op(lambda x: x.sort(dim)[0], lambda x: np.sort(x, dim), X)
    check_op(lambda x: mt.sort(x, dim, descending=True).values, lambda x: np.flip(np.sort(x, dim), dim), X)
    np.testing.assert_array_equal(mt.tensor(X).argsort(dim).numpy(), np.argsort(X, dim))
    np.testing.assert_array_equal(mt.tensor(X).sort(dim).indices.numpy(), np.argsort(X, dim))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_topk(dim):
    check_op(lambda x: x.topk(2, dim)[0], lambda x: np.take(np.flip(np.sort(x, dim), dim), [0, 1], dim), X)
    check_op(lambda x: mt.topk(x, 3, dim, largest=False).values, lambda x: np.take(np.sort(x, dim), [0, 1, 2], dim), X)


def test_equals_keep_their_order():
    x = mt.tensor([1.0, 0.0, 1.0, 0.0])
    assert x.argsort().tolist() == [1, 3, 0, 2]
    assert x.argsort(descending=True).tolist() == [0, 2, 1, 3]
    assert x.topk(2).indices.tolist() == [0, 2]
    many = mt.arange(100) % 2  # long enough for NumPy to choose an algorithm that is not stable by itself
    assert many.argsort().tolist() == [*range(0, 100, 2), *range(1, 100, 2)]
    assert many.argsort(descending=True).tolist() == [*range(1, 100, 2), *range(0, 100, 2)]


def test_nan_counts_as_the_largest():
    x = mt.tensor([1.0, np.nan, 2.0])
    assert x.argsort().tolist() == [0, 2, 1]
    assert x.argsort(descending=True).tolist() == [1, 2, 0]


def test_k_out_of_range():
    with pytest.raises(RuntimeError, match="topk: k=6 is out of range for 5 elements along dim -1"):
        mt.tensor(X).topk(6)
