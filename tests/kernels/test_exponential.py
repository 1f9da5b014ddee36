"""eˣ, the sigmoid and tanh in float32 are arithmetic of our own, so their error is measured against float64."""

import numpy as np
import pytest

from minitorch_kernels.exponential import exp_float32
from minitorch_kernels.jit import jit
from minitorch_kernels.sigmoid import sigmoid_cpu
from minitorch_kernels.tanh import tanh_cpu

X = np.concatenate([np.linspace(-87, 88.5, 4001), np.linspace(-1, 1, 2001)]).astype(np.float32)


@jit
def exponentials(x, y):
    for i in range(len(x)):
        y[i] = exp_float32(x[i])


def exp_cpu(x):
    y = np.empty_like(x)
    with np.errstate(over="ignore"):
        exponentials(x, y)
    return y


def units_in_the_last_place(y, exact):
    return (np.abs(y - exact) / np.spacing(np.abs(exact).astype(np.float32))).max()


@pytest.mark.parametrize(
    ("function", "exact", "units"),
    [
        (exp_cpu, np.exp, 1.0),
        (sigmoid_cpu, lambda x: 1 / (1 + np.exp(-x)), 2.5),
        (tanh_cpu, np.tanh, 1.5),
    ],
)
def test_units_in_the_last_place(function, exact, units):
    assert units_in_the_last_place(function(X), exact(X.astype(np.float64))) <= units


def test_what_is_too_small_for_a_normal_number_fades_out():
    x = np.array([-88, -95, -100, -103], np.float32)
    np.testing.assert_allclose(exp_cpu(x), np.exp(x.astype(np.float64)), rtol=0, atol=2e-45)


def test_limits_and_nan():
    x = np.array([-np.inf, -1e30, -104, 0, 89, 1e30, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(exp_cpu(x), np.array([0, 0, 0, 1, np.inf, np.inf, np.inf, np.nan], np.float32))
    for dtype in (np.float32, np.float64):
        x = np.array([-np.inf, -1e30, 0, 1e30, np.inf, np.nan], dtype)
        np.testing.assert_array_equal(sigmoid_cpu(x), np.array([0, 0, 0.5, 1, 1, np.nan], dtype))
        np.testing.assert_array_equal(tanh_cpu(x), np.array([-1, -1, 0, 1, 1, np.nan], dtype))


def test_tanh_keeps_tiny_numbers_and_the_sign_of_zero():
    x = np.array([1e-30, -1e-40, -0.0], np.float32)
    np.testing.assert_array_equal(tanh_cpu(x), x)
    assert np.signbit(tanh_cpu(x)[2])
