"""Which implementation runs for images, and what resampling reads; see also test_implementations.py."""

import numpy as np
import pytest

from minitorch_kernels import adjust_color, resample, use


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_bytes_and_floats_run_compiled(dtype):
    images, boxes = np.zeros((1, 3, 2, 2), dtype), np.array([[0, 0, 2, 2]])
    assert resample.pick((images, boxes, (1, 1))) is resample.cpu
    factors = np.ones((1, 4), np.float32 if dtype == np.uint8 else dtype)
    assert adjust_color.pick((images, factors, boxes)) is adjust_color.cpu
    with use("reference"):
        assert resample.pick((images, boxes, (1, 1))) is resample.reference


@pytest.mark.parametrize("dtype", [np.int64, np.float16])
def test_other_types_run_the_reference(dtype):
    assert resample.pick((np.zeros((1, 1, 2, 2), dtype), np.array([[0, 0, 2, 2]]), (1, 1))) is resample.reference


@pytest.mark.parametrize("implementation", [resample.cpu, resample.reference])
def test_pixels_of_weight_zero_are_not_looked_at(implementation):
    """At the same size every pixel is itself alone, and its neighbours of weight 0 may be NaN."""
    row = np.array([[[[1, np.nan, 3, np.inf, 5]]]])
    np.testing.assert_array_equal(implementation(row, np.array([[0, 0, 1, 5]]), (1, 5)), row)
