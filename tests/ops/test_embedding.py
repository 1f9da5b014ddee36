import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
def test_each_number_reads_its_row(rng, shape):
    table, numbers = rng.normal(size=(5, 2)), rng.integers(0, 5, shape)
    y = F.embedding(mt.tensor(numbers), mt.tensor(table)).numpy()
    assert y.shape == (*shape, 2)
    for place in np.ndindex(shape):
        np.testing.assert_array_equal(y[place], table[numbers[place]])


def test_gradients_add_up_where_a_row_is_read_twice(rng):
    numbers = mt.tensor([[0, 3, 3], [3, 1, 0]])
    assert_gradients(lambda w: F.embedding(numbers, w), rng.normal(size=(5, 2)))


def test_the_gradient_is_added_in_the_order_of_reading():
    """In float32, 1 + 2²⁴ loses the 1, and -2²⁴ then leaves nothing: another order would leave 1."""
    w = mt.zeros(2, 1, requires_grad=True)
    y = F.embedding(mt.tensor([1, 0, 1, 1]), w)
    y.backward(mt.tensor([[1.0], [5.0], [2.0**24], [-(2.0**24)]]))
    assert w.grad.tolist() == [[5], [0]]


@pytest.mark.parametrize("padding_idx", [1, -2])
def test_the_padding_row_is_read_but_gets_no_gradient(padding_idx):
    w = mt.ones(3, 2, requires_grad=True)
    y = F.embedding(mt.tensor([0, 1, 1, 2]), w, padding_idx)
    y.sum().backward()
    assert y.tolist() == [[1, 1]] * 4
    assert w.grad.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_numbers_may_change_between_forward_and_backward():
    w, numbers = mt.ones(3, 1, requires_grad=True), mt.tensor([0, 0])
    y = F.embedding(numbers, w)
    numbers += 2
    y.sum().backward()
    assert w.grad.tolist() == [[2], [0], [0]]


@pytest.mark.parametrize(("numbers", "first"), [([1, 3, -7], 3), ([0, -1], -1)])
def test_a_number_outside_the_table_is_named(numbers, first):
    with pytest.raises(IndexError, match=rf"embedding: index {first} is out of range; the table has the rows 0..2"):
        F.embedding(mt.tensor(numbers), mt.ones(3, 2))


def test_refusals():
    with pytest.raises(IndexError, match=r"embedding: padding_idx -4 is out of range; the table has the rows 0..2"):
        F.embedding(mt.tensor([0]), mt.ones(3, 2), -4)
    with pytest.raises(RuntimeError, match=r"embedding: x is float32 but must be int32 or int64; convert with .long"):
        F.embedding(mt.ones(2), mt.ones(3, 2))
    with pytest.raises(RuntimeError, match=r"embedding: weight has shape \(3,\) but must be a matrix \(V, D\)"):
        F.embedding(mt.tensor([0]), mt.ones(3))
