"""What is special about batch norm: accurate statistics, and a gradient that passes through them."""

import math

import numpy as np
import pytest

from minitorch_kernels.batch_norm import (
    batch_norm_inference,
    batch_norm_inference_grad,
    batch_norm_train,
    batch_norm_train_grad,
)

EPS = 1e-5
SHAPES = [(5, 3), (4, 2, 3), (3, 2, 2, 3)]


@pytest.fixture(params=["reference", "cpu"])
def run(request):
    """run(kernel, *args): the kernel on one of its implementations."""
    return lambda kernel, *args: getattr(kernel, request.param)(*args)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def naive_batch_norm(x, weight, bias):
    """One channel at a time, with Python's own exact sums."""
    y, means, variances = np.empty_like(x), [], []
    for c in range(x.shape[1]):
        values = x[:, c].ravel().tolist()
        mean = math.fsum(values) / len(values)
        variance = math.fsum((v - mean) ** 2 for v in values) / len(values)
        y[:, c] = (x[:, c] - mean) / math.sqrt(variance + EPS) * weight[c] + bias[c]
        means.append(mean)
        variances.append(variance)
    return y, means, variances


def central_difference(loss, x, h=1e-5):
    gradient = np.empty_like(x)
    for k in np.ndindex(x.shape):
        value = x[k]
        x[k] = value + h
        above = loss()
        x[k] = value - h
        gradient[k] = (above - loss()) / (2 * h)
        x[k] = value
    return gradient


@pytest.mark.parametrize("shape", SHAPES)
def test_training_agrees_with_loops(run, rng, shape):
    x, weight, bias = rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[1])
    y, mean, var, rstd, _ = run(batch_norm_train, x, weight, bias, EPS)
    expected_y, expected_mean, expected_var = naive_batch_norm(x, weight, bias)
    np.testing.assert_allclose(y, expected_y, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-12)
    np.testing.assert_allclose(var, expected_var, rtol=1e-12)
    np.testing.assert_allclose(rstd, 1 / np.sqrt(np.array(expected_var) + EPS), rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_with_the_statistics_of_the_batch_is_training(run, rng, shape):
    x, weight, bias = rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[1])
    y, mean, var, *_ = run(batch_norm_train, x, weight, bias, EPS)
    np.testing.assert_allclose(run(batch_norm_inference, x, mean, var, weight, bias, EPS), y, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_training_gradient_is_the_derivative(run, rng, shape):
    x, weight, bias = rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[1])
    c = rng.standard_normal(shape)

    def loss():
        return np.vdot(run(batch_norm_train, x, weight, bias, EPS)[0], c)

    _, mean, _, rstd, _ = run(batch_norm_train, x, weight, bias, EPS)
    for gradient, variable in zip(run(batch_norm_train_grad, c, x, weight, mean, rstd), (x, weight, bias)):
        np.testing.assert_allclose(gradient, central_difference(loss, variable), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_inference_gradient_is_the_derivative(run, rng, shape):
    x, weight, bias = rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[1])
    mean, var = rng.standard_normal(shape[1]), rng.uniform(0.5, 2, shape[1])
    c = rng.standard_normal(shape)

    def loss():
        return np.vdot(run(batch_norm_inference, x, mean, var, weight, bias, EPS), c)

    for gradient, variable in zip(run(batch_norm_inference_grad, c, x, weight, mean, var, EPS), (x, weight, bias)):
        np.testing.assert_allclose(gradient, central_difference(loss, variable), rtol=1e-6, atol=1e-8)


def test_no_weight_is_a_weight_of_one(run, rng):
    x, dy = rng.standard_normal((2, 4, 3, 2))
    ones, zeros = np.ones(3), np.zeros(3)
    _, mean, var, rstd, _ = with_affine = run(batch_norm_train, x, ones, zeros, EPS)
    pairs = [
        (run(batch_norm_train, x, None, None, EPS), with_affine),
        (run(batch_norm_train_grad, dy, x, None, mean, rstd), run(batch_norm_train_grad, dy, x, ones, mean, rstd)),
        (
            run(batch_norm_inference_grad, dy, x, None, mean, var, EPS),
            run(batch_norm_inference_grad, dy, x, ones, mean, var, EPS),
        ),
    ]
    for without, with_ones in pairs:
        for a, b in zip(without[:3], with_ones[:3]):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("far", [1e4, 1e6])
def test_a_mean_far_from_zero_costs_no_digit_of_the_variance(run, rng, far):
    """In float32, the square of 10,000 has a spacing of 8: "mean of squares minus square of mean" would lose it all."""
    x = (far + rng.standard_normal((50, 1, 4, 5))).astype(np.float32)
    y, mean, var, *_ = run(batch_norm_train, x, None, None, EPS)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(), rtol=1e-7)
    np.testing.assert_allclose(var, exact.var(), rtol=1e-6)
    np.testing.assert_allclose(y, (exact - exact.mean()) / np.sqrt(exact.var() + EPS), atol=1e-6)


def test_a_long_float32_sum_is_accurate(run):
    x = np.full((2, 1, 30, 40), 0.1, np.float32)
    x[0] = 0.3
    _, mean, var, *_ = run(batch_norm_train, x, None, None, EPS)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(mean, exact.mean(), rtol=1e-7)
    np.testing.assert_allclose(var, exact.var(), rtol=1e-7)


def test_nan_stays_in_its_channel(run, rng):
    x, dy = rng.standard_normal((2, 3, 2, 4))
    x[1, 0, 2] = np.nan
    y, mean, var, rstd, _ = run(batch_norm_train, x, None, None, EPS)
    dx, dw, _, _ = run(batch_norm_train_grad, dy, x, None, mean, rstd)
    for values in (y[:, 0], mean[0], var[0], rstd[0], dx[:, 0], dw[0]):
        assert np.isnan(values).all()
    for values in (y[:, 1], mean[1], var[1], rstd[1], dx[:, 1], dw[1]):
        assert np.isfinite(values).all()
    dx, dw, _, _ = run(batch_norm_inference_grad, dy, x, None, np.zeros(2), np.ones(2), EPS)
    assert np.isfinite(dx).all()  # with constant statistics dx does not depend on x
    assert np.isnan(dw).tolist() == [True, False]


def test_the_smallest_batch_and_an_empty_one(run):
    y, mean, var, rstd, _ = run(batch_norm_train, np.empty((0, 2, 3, 3), np.float32), None, None, 0.25)
    assert (y.shape, mean.tolist(), var.tolist(), rstd.tolist()) == ((0, 2, 3, 3), [0, 0], [0, 0], [2, 2])
    dx, dw, db, _ = run(batch_norm_train_grad, y, y, None, mean, rstd)
    assert (dx.shape, dw.tolist(), db.tolist()) == ((0, 2, 3, 3), [0, 0], [0, 0])
    y, mean, var, *_ = run(batch_norm_train, np.array([[3.0, 4.0]], np.float32), None, None, EPS)
    assert (y.tolist(), mean.tolist(), var.tolist()) == ([[0, 0]], [3, 4], [0, 0])


def nearly_cancelling(rng, C, dtype, run):
    """x (25, C, 2, 2) and a weight and bias for which a value of each channel becomes 0, where each step is rounded."""
    half = (rng.integers(1, 4000, (50, C, 1, 1)) / 1024).astype(dtype)
    x = 8 + np.concatenate([half, -half]).reshape(25, 2, 2, C).transpose(0, 3, 1, 2)  # the mean is 8, exactly
    weight = rng.uniform(0.5, 2, C).astype(dtype)
    line = np.asarray(run(batch_norm_train, x, weight, None, EPS)[-1])
    return x, weight, (8 - x[3, :, 1, 0]) * line[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("C", [2, 40])
def test_the_line_tells_to_the_last_bit_where_the_relu_was_open(run, rng, dtype, C):
    x, weight, bias = nearly_cancelling(rng, C, dtype, run)
    x[7, 0, 1, 1] = np.nan
    with np.errstate(invalid="ignore"):
        y, mean, _, rstd, line = run(batch_norm_train, x, weight, bias, EPS, None, True)
    dy = rng.standard_normal(x.shape).astype(dtype)
    by_line = run(batch_norm_train_grad, dy, x, weight, mean, rstd, line, None, True)
    by_y = run(batch_norm_train_grad, dy, x, weight, mean, rstd, None, y, True)
    for a, b in zip(by_line, by_y, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(by_line[-1], np.where(y <= 0, 0, dy))
    np.testing.assert_array_equal(y[3, 1:, 1, 0], 0)
    assert 0 < np.count_nonzero(by_line[-1][:, 1:]) < x[:, 1:].size
