"""What the cases of all implementations leave open: NaN beside weights of 0, digits of float32, labels out of range."""

import numpy as np
import pytest

from minitorch_kernels import (
    adjust_color,
    batch_norm_train,
    batch_norm_train_grad,
    group_norm,
    resample,
    resample2d,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
)
from minitorch_kernels.arrays import on_cpu

from ..test_batch_norm import nearly_cancelling
from .test_kernels import there


@pytest.mark.parametrize("label", [-1, 4, 1000])
def test_a_label_out_of_range_gives_nan_for_its_sample(label):
    logits, target = np.zeros((3, 4), np.float32), np.array([1, label, 3])
    losses, weights, p = softmax_cross_entropy(there(logits), there(target), None, -100, 0.0)
    np.testing.assert_array_equal(np.isnan(on_cpu(losses)), [False, True, False])
    assert np.isnan(on_cpu(weights)[1])
    gradient = softmax_cross_entropy_grad(there(np.ones(3, np.float32)), p, there(target), None, -100, 0.0)
    np.testing.assert_array_equal(np.isnan(on_cpu(gradient)).all(1), [False, True, False])
    np.testing.assert_array_equal(np.isnan(on_cpu(gradient)).any(1), [False, True, False])


@pytest.mark.parametrize(("mean", "spread"), [(1e4, 1.0), (0.0, 1.0), (-300.0, 0.01)])
def test_float32_keeps_its_digits_far_from_zero(mean, spread, rng):
    x = (mean + spread * rng.standard_normal((64, 3, 5))).astype(np.float32)
    exact = x.astype(np.float64)
    for axes, (y, _, var, *_) in (
        ((0, 2), batch_norm_train(there(x), None, None, 1e-9)),
        (2, group_norm(there(x), 3, None, None, 1e-9)),
    ):
        np.testing.assert_allclose(on_cpu(var), exact.var(axes), rtol=2e-6)
        centred = exact - exact.mean(axes, keepdims=True)
        np.testing.assert_allclose(on_cpu(y), centred / np.sqrt(exact.var(axes, keepdims=True) + 1e-9), atol=1e-5)


def test_a_weight_of_0_between_others_takes_no_part():
    x = np.ones((1, 1, 3, 3))
    x[..., 1, :] = x[..., 1] = np.nan
    weights = there(np.array([[1.0, 0.0, 1.0]]))
    np.testing.assert_array_equal(on_cpu(resample2d(there(x), weights, weights)), [[[[4]]]])


def test_a_pixel_that_is_not_a_number_stays_alone_where_no_size_changes():
    images = np.ones((1, 1, 3, 3))
    images[..., 1, 1] = np.nan
    y = on_cpu(resample(there(images), there(np.array([[0, 0, 3, 3]])), (3, 3)))
    np.testing.assert_array_equal(y, images)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_the_hue_of_a_color_that_is_not_a_number_is_none(channel):
    images = np.full((1, 3, 1, 2), 0.5)
    images[0, channel, 0, 0] = np.nan
    factors = np.array([[1, 1, 1, 0.2]])
    y = on_cpu(adjust_color(there(images), there(factors), there(np.arange(4)[None])))
    np.testing.assert_array_equal(np.isnan(y), [[[[True, False]]] * 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_line_tells_to_the_last_bit_where_the_relu_was_open(dtype, rng):
    x, weight, bias = map(there, nearly_cancelling(rng, 40, dtype, lambda kernel, *args: kernel.cpu(*args)))
    y, mean, _, rstd, line = batch_norm_train(x, weight, bias, 1e-5, None, True)
    dy = there(rng.standard_normal(x.shape).astype(dtype))
    by_line = batch_norm_train_grad(dy, x, weight, mean, rstd, line, None, True)
    by_y = batch_norm_train_grad(dy, x, weight, mean, rstd, None, y, True)
    for a, b in zip(by_line, by_y, strict=True):
        np.testing.assert_array_equal(on_cpu(a), on_cpu(b))
