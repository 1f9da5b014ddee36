"""The float32 sigmoid is arithmetic of our own, so its error is measured against float64."""

import numpy as np

from minitorch_kernels.sigmoid import SMALLEST, sigmoid_cpu


def test_float32_is_right_within_three_units_in_the_last_place():
    x = np.linspace(SMALLEST, 100, 5001, dtype=np.float32)
    exact = 1 / (1 + np.exp(-x.astype(np.float64)))
    units = np.abs(sigmoid_cpu(x) - exact) / np.spacing(exact.astype(np.float32))
    assert units.max() < 3


def test_limits_and_nan():
    for dtype in (np.float32, np.float64):
        y = sigmoid_cpu(np.array([-np.inf, -1e30, 0, 1e30, np.inf, np.nan], dtype))
        np.testing.assert_array_equal(y, np.array([0, 0, 0.5, 1, 1, np.nan], dtype))
