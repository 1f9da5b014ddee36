"""Joining arrays: what lies in its place already is left alone, all else is copied."""

import numpy as np
import pytest

from minitorch_kernels import memory
from minitorch_kernels.join import join


class Around:
    """A source of memory whose next array is `whole`, which nobody may write to."""

    def __init__(self, whole):
        self.whole = whole
        whole.flags.writeable = False

    def empty(self, shape, dtype, size):
        return self.whole.reshape(shape)

    def adjoin(self, whole, parts):
        assert whole.nbytes == sum(part.nbytes for part in parts)


@pytest.fixture
def stored(rng, monkeypatch):
    """Five channels of 4x2 pixels, three images, as they lie in memory: (C, H, W, N)."""
    monkeypatch.setattr(memory, "LARGE", 64)
    yield rng.random((5, 4, 2, 3), np.float32)
    memory.source.current = None


def batch_first(stored):
    return stored.transpose(3, 0, 1, 2)


def test_what_lies_in_its_place_is_not_copied(stored):
    parts = [batch_first(stored[:2]), batch_first(stored[2:])]
    expected = np.concatenate(parts, 1)
    memory.source.current = Around(stored)
    y = join(1, *parts)
    assert y.__array_interface__["data"][0] == stored.__array_interface__["data"][0]
    np.testing.assert_array_equal(y, expected)


def test_what_lies_elsewhere_is_copied(stored):
    parts = [batch_first(stored[:2]), batch_first(stored[2:].copy())]
    memory.source.current = Around(stored)
    with pytest.raises(ValueError, match="read-only"):
        join(1, *parts)
    memory.source.current = None
    np.testing.assert_array_equal(join(1, *parts), np.concatenate(parts, 1))


@pytest.mark.parametrize("dim", [0, 1, 2, 3])
def test_every_axis_in_any_memory_order(rng, dim):
    shapes = [[3, 4, 2, 5], [3, 4, 2, 5]]
    shapes[1][dim] = 6
    for order in [(0, 1, 2, 3), (3, 0, 1, 2)]:
        x, z = (rng.random([shape[axis] for axis in np.argsort(order)]).transpose(order) for shape in shapes)
        np.testing.assert_array_equal(join(dim, x, z), np.concatenate([x, z], dim))
    mixed = join(dim, x, z.astype(np.float32))
    assert mixed.dtype == np.float64
