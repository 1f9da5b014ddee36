"""Local response normalisation against loops over single channels."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory


def by_loops(x, size, alpha, beta, k):
    y = np.empty_like(x)
    for n, c, *place in np.ndindex(x.shape):
        first = c - size // 2
        window = [x[n, j, *place] for j in range(first, first + size) if 0 <= j < x.shape[1]]
        y[n, c, *place] = x[n, c, *place] / (k + alpha / size * sum(v * v for v in window)) ** beta
    return y


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("shape", [(2, 6, 3), (3, 5, 2, 2), (2, 3, 2, 1, 2)])
def test_each_channel_is_divided_by_what_its_neighbours_add_up_to(rng, shape, size):
    x = rng.normal(size=shape)
    expected = by_loops(x, size, 0.7, 0.75, 1.5)
    np.testing.assert_allclose(F.local_response_norm(mt.tensor(x), size, 0.7, 0.75, 1.5).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(
        F.local_response_norm(mt.tensor(x), size, 0.7, 1.2, 1.5).numpy(), by_loops(x, size, 0.7, 1.2, 1.5), rtol=1e-12
    )


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_memory_order_does_not_matter(rng, memory):
    x = rng.normal(size=(3, 5, 2, 4))
    y = F.local_response_norm(mt.Tensor(memory(x)), 3, 0.7)
    np.testing.assert_allclose(y.numpy(), by_loops(x, 3, 0.7, 0.75, 1.0), rtol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("beta", [0.75, 1.3])
def test_gradients(rng, size, beta):
    assert_gradients(lambda x: F.local_response_norm(x, size, 0.9, beta, 0.8), rng.normal(size=(2, 4, 3)))


def test_defaults_are_torch_s(rng):
    x = 30 * rng.normal(size=(1, 4, 2))
    np.testing.assert_allclose(F.local_response_norm(mt.tensor(x), 2).numpy(), by_loops(x, 2, 1e-4, 0.75, 1.0))


def test_nan_and_inf_reach_their_neighbours_and_no_others():
    x = np.ones((1, 9, 1, 1))
    x[0, 4] = np.nan
    y = F.local_response_norm(mt.tensor(x), 3).numpy().ravel()
    assert np.isnan(y).tolist() == [False] * 3 + [True] * 3 + [False] * 3
    x[0, 4] = np.inf
    y = F.local_response_norm(mt.tensor(x), 3).numpy().ravel()
    assert (y == 0).tolist() == [False] * 3 + [True, False, True] + [False] * 3
    assert np.isnan(y).tolist() == [False] * 4 + [True] + [False] * 4


@pytest.mark.parametrize("shape", [(0, 3, 2, 2), (2, 0, 2, 2), (2, 3, 0)])
def test_nothing_to_normalise(shape):
    x = mt.zeros(shape, requires_grad=True)
    F.local_response_norm(x, 3).sum().backward()
    assert x.grad.shape == shape


def test_refusals():
    with pytest.raises(ValueError, match=r"x has shape \(2, 3\) but must be \(N, C, L\) or \(N, C, H, W\)"):
        F.local_response_norm(mt.ones(2, 3), 2)
    with pytest.raises(RuntimeError, match="local_response_norm: size is 0 but must be at least 1 channel"):
        F.local_response_norm(mt.ones(2, 3, 2), 0)
    with pytest.raises(RuntimeError, match=r"x is int64 but must be floating point; convert with .float\(\)"):
        F.local_response_norm(mt.ones(2, 3, 2, dtype=mt.int64), 2)
