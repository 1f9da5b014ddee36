"""Dropout with a given mask."""

import numpy as np
import pytest

from minitorch_kernels import use
from minitorch_kernels.dropout import dropout

pytestmark = pytest.mark.parametrize("implementation", ["reference", "cpu"])


@pytest.fixture(autouse=True)
def chosen(implementation):
    """Run the kernels of each test on one implementation."""
    with use(implementation):
        yield


def test_kept_values_grow_and_the_rest_is_zero():
    y = dropout(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[True, False], [False, True]]), 0.75)
    assert y.tolist() == [[4, 0], [0, 16]]


def test_p_one_gives_zeros():
    assert dropout(np.array([1.0, -2.0]), np.array([True, False]), 1.0).tolist() == [0, 0]


def test_a_channel_mask_is_broadcast():
    y = dropout(np.ones((2, 2, 3)), np.array([[[True], [False]], [[False], [True]]]), 0.5)
    assert y.tolist() == [[[2] * 3, [0] * 3], [[0] * 3, [2] * 3]]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_memory_order_is_kept(rng, order):
    x = rng.standard_normal((2, 3, 4)).transpose(order)
    assert dropout(x, rng.random(x.shape) < 0.5, 0.5).strides == x.strides


def test_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="broadcast"):
        dropout(np.ones((2, 3)), np.ones((2, 2), bool), 0.5)
