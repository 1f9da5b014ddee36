"""Batch-last storage and flat views."""

import numpy as np
import pytest

from minitorch_kernels.layout import as_batch_first, empty_batch_last, stored_batch_last
from minitorch_kernels.memory import empty
from minitorch_kernels.strides import flat, lies_in, memory_axes, unflatten


def numbered(*shape):
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 3, 2), (5, 3, 2, 4), (0, 3, 2)])
def test_empty_batch_last_has_a_contiguous_batch(shape):
    x = empty_batch_last(shape, np.float32)
    assert x.shape == shape
    assert np.moveaxis(x, 0, -1).flags.c_contiguous
    assert x.dtype == np.float32


def test_stored_batch_last_moves_the_batch_to_the_end():
    x = numbered(5, 3, 2)
    stored = stored_batch_last(x)
    assert stored.flags.c_contiguous
    for n, c, w in np.ndindex(x.shape):
        assert stored[c, w, n] == x[n, c, w]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(16, 1, 1), (37, 3, 43), (256, 1, 28, 28), (64, 65), (3, 0, 2), (0, 4)])
def test_stored_batch_last_of_many_images(shape, dtype):
    x = numbered(*shape).astype(dtype)
    stored = stored_batch_last(x)
    assert stored.flags.c_contiguous
    np.testing.assert_array_equal(stored, np.moveaxis(x, 0, -1))
    x.flags.writeable = False
    np.testing.assert_array_equal(stored_batch_last(x), np.moveaxis(x, 0, -1))


def test_what_lies_batch_last_is_not_copied():
    x = empty_batch_last((5, 3, 2), np.float64)
    x[...] = numbered(5, 3, 2)
    assert np.shares_memory(stored_batch_last(x), x)
    assert np.shares_memory(as_batch_first(stored_batch_last(x)), x)
    np.testing.assert_array_equal(as_batch_first(stored_batch_last(x)), numbered(5, 3, 2))


def test_fresh_buffers_are_poisoned_in_tests():
    assert np.isnan(empty((2, 3), np.float32)).all()
    assert np.isnan(empty_batch_last((2, 3), np.float64)).all()
    assert empty((2,), np.int64).dtype == np.int64


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_flat_is_a_view_of_any_dense_order(order):
    x = numbered(2, 3, 4).transpose(order)
    axes = memory_axes(x)
    assert lies_in(x, axes)
    np.testing.assert_array_equal(flat(x, axes), np.arange(24))
    assert np.shares_memory(flat(x, axes), x)
    np.testing.assert_array_equal(unflatten(flat(x, axes), x.shape, axes), x)


@pytest.mark.parametrize("x", [numbered(4, 6)[::2, ::3], numbered(4, 6)[::-1], np.broadcast_to(7.0, (2, 3))])
def test_flat_copies_what_is_not_dense(x):
    axes = memory_axes(x)
    assert not lies_in(x, axes)
    assert not np.shares_memory(flat(x, axes), x)
    np.testing.assert_array_equal(unflatten(flat(x, axes), x.shape, axes), x)


def test_flat_puts_two_arrays_in_one_order():
    x, same = numbered(2, 3).T, np.ascontiguousarray(numbered(2, 3).T)
    np.testing.assert_array_equal(flat(x, memory_axes(x)), flat(same, memory_axes(x)))
