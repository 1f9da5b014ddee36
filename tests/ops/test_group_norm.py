"""Group, layer and instance norms against loops over single groups."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory

EPS = 1e-3


def normalised(values):
    return (values - values.mean()) / np.sqrt(((values - values.mean()) ** 2).mean() + EPS)


def group_norm_by_loops(x, groups, w, b):
    y, size = np.empty_like(x), x.shape[1] // groups
    for n in range(len(x)):
        for first in range(0, x.shape[1], size):
            y[n, first : first + size] = normalised(x[n, first : first + size])
        for c in range(x.shape[1]):
            y[n, c] = y[n, c] * w[c] + b[c]
    return y


SHAPES = [((3, 6, 2, 2), 2), ((2, 4, 3), 4), ((4, 6), 3), ((66, 4, 2), 1)]


@pytest.mark.parametrize(("shape", "groups"), SHAPES)
def test_group_norm_normalises_each_group_of_each_image(rng, shape, groups):
    x, w, b = 5 + 2 * rng.normal(size=shape), rng.normal(size=shape[1]), rng.normal(size=shape[1])
    y = F.group_norm(mt.tensor(x), groups, mt.tensor(w), mt.tensor(b), EPS)
    np.testing.assert_allclose(y.numpy(), group_norm_by_loops(x, groups, w, b), rtol=1e-10, atol=1e-12)
    y = F.group_norm(mt.tensor(x), groups, eps=EPS)
    ones, zeros = np.ones(shape[1]), np.zeros(shape[1])
    np.testing.assert_allclose(y.numpy(), group_norm_by_loops(x, groups, ones, zeros), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_layer_norm_normalises_the_last_axes(rng, last):
    x = 5 + 2 * rng.normal(size=(3, 2, 4, 2))
    shape = x.shape[-last:]
    w, b = rng.normal(size=shape), rng.normal(size=shape)
    expected = np.empty_like(x)
    for row in np.ndindex(x.shape[: 4 - last]):
        expected[row] = normalised(x[row]) * w + b
    y = F.layer_norm(mt.tensor(x), shape, mt.tensor(w), mt.tensor(b), EPS)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-10, atol=1e-12)


def test_layer_norm_takes_a_number_for_one_axis(rng):
    x = mt.tensor(rng.normal(size=(3, 4)))
    assert F.layer_norm(x, 4).equal(F.layer_norm(x, (4,)))


def test_instance_norm_normalises_each_channel_of_each_image(rng):
    x, w, b = 5 + 2 * rng.normal(size=(2, 3, 2, 4)), rng.normal(size=3), rng.normal(size=3)
    y = F.instance_norm(mt.tensor(x), weight=mt.tensor(w), bias=mt.tensor(b), eps=EPS)
    np.testing.assert_allclose(y.numpy(), group_norm_by_loops(x, 3, w, b), rtol=1e-10, atol=1e-12)


def test_instance_norm_moves_the_running_statistics_to_the_average_of_the_images(rng):
    x = rng.normal(size=(2, 3, 2, 4))
    mean, var = mt.full((3,), 2.0, dtype=mt.float64), mt.full((3,), 5.0, dtype=mt.float64)
    F.instance_norm(mt.tensor(x, requires_grad=True), mean, var, momentum=0.3)
    np.testing.assert_allclose(mean.numpy(), 0.7 * 2 + 0.3 * x.mean((2, 3)).mean(0), rtol=1e-12)
    np.testing.assert_allclose(var.numpy(), 0.7 * 5 + 0.3 * x.var((2, 3), ddof=1).mean(0), rtol=1e-12)
    y = F.instance_norm(mt.tensor(x), mean, var, use_input_stats=False, eps=EPS).numpy()
    expected = (x - mean.numpy()[:, None, None]) / np.sqrt(var.numpy()[:, None, None] + EPS)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("shape", "groups"), SHAPES[:3])
def test_gradients(rng, shape, groups):
    x, w, b = rng.normal(size=shape), rng.normal(size=shape[1]), rng.normal(size=shape[1])
    assert_gradients(lambda x, w, b: F.group_norm(x, groups, w, b, EPS), x, w, b)
    assert_gradients(lambda x: F.group_norm(x, groups), x)
    last = rng.normal(size=(2, *shape[1:]))
    assert_gradients(lambda x, w, b: F.layer_norm(x, shape[1:], w, b, EPS), x, *last)


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_memory_order_does_not_matter(rng, memory):
    x = rng.normal(size=(3, 4, 2, 5))
    for function in (lambda x: F.group_norm(x, 2), lambda x: F.layer_norm(x, 5), F.instance_norm):
        np.testing.assert_allclose(
            function(mt.Tensor(memory(x))).numpy(), function(mt.tensor(x)).numpy(), rtol=1e-12, atol=1e-13
        )


def test_a_mean_far_from_zero_costs_no_digit(rng):
    """In float32 the square of 10,000 has a spacing of 8: "mean of squares minus square of mean" would lose it all."""
    x = (1e4 + rng.normal(size=(3, 4, 5, 5))).astype(np.float32)
    exact = x.astype(np.float64)
    groups = exact.reshape(3, 2, -1)
    expected = (groups - groups.mean(2, keepdims=True)) / groups.std(2, keepdims=True)
    np.testing.assert_allclose(F.group_norm(mt.tensor(x), 2).numpy().reshape(3, 2, -1), expected, atol=1e-4)


def test_nan_stays_in_its_group(rng):
    x = rng.normal(size=(2, 4, 3))
    x[1, 2, 0] = np.nan
    y = F.group_norm(mt.tensor(x), 2).isnan().numpy()
    assert y[1, 2:].all()
    assert y.sum() == 6


@pytest.mark.parametrize("shape", [(0, 4, 2, 2), (2, 4, 0)])
def test_nothing_to_normalise(shape):
    x, w = mt.zeros(shape, requires_grad=True), mt.ones(4, requires_grad=True)
    for function in (lambda x: F.group_norm(x, 2, w), lambda x: F.instance_norm(x, weight=w)):
        y = function(x)
        y.sum().backward()
        assert y.shape == x.grad.shape == shape
        assert w.grad.tolist() == [0] * 4


def test_float32_stays_float32():
    x = mt.randn(2, 4, 3)
    assert {F.group_norm(x, 2).dtype, F.layer_norm(x, 3).dtype, F.instance_norm(x).dtype} == {mt.float32}


X = mt.ones(2, 4, 3)
REFUSALS = [
    (lambda: F.group_norm(X, 3), r"group_norm: the 4 channels of x \(shape \(2, 4, 3\)\) cannot be split into 3 equal"),
    (lambda: F.group_norm(X, 0), "cannot be split into 0 equal groups"),
    (lambda: F.group_norm(X, 2, mt.ones(3)), r"group_norm: weight has shape \(3,\) but x of shape \(2, 4, 3\) has 4"),
    (lambda: F.group_norm(mt.ones(4), 2), r"group_norm: x has shape \(4,\) but must be \(N, C\)"),
    (lambda: F.group_norm(X.long(), 2), "group_norm: x is int64 but must be floating point"),
    (lambda: F.group_norm(X, 2, mt.ones(4, dtype=mt.float64)), "group_norm: mixed dtypes"),
    (lambda: F.layer_norm(X, 4), r"layer_norm: x has shape \(2, 4, 3\) but must end in normalized_shape=\(4,\)"),
    (lambda: F.layer_norm(X, ()), r"must end in normalized_shape=\(\), at least one axis"),
    (lambda: F.layer_norm(X, 3, mt.ones(4)), r"layer_norm: weight has shape \(4,\) but must have that of norm"),
    (lambda: F.layer_norm(X, 3, None, mt.ones(1, 3)), r"layer_norm: bias has shape \(1, 3\) but must have that"),
    (lambda: F.layer_norm(X.long(), 3), "layer_norm: x is int64 but must be floating point"),
    (lambda: F.layer_norm(X, 3, mt.ones(3, dtype=mt.float64)), "layer_norm: mixed dtypes"),
    (lambda: F.instance_norm(X, mt.ones(3)), r"instance_norm: running_mean has shape \(3,\) but x of shape"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS)
def test_refusals(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


def test_instance_norm_needs_more_than_one_place():
    with pytest.raises(ValueError, match=r"needs more than one place per channel, got shape \(2, 4, 1, 1\)"):
        F.instance_norm(mt.ones(2, 4, 1, 1))
