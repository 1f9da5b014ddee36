import numpy as np

from minitorch_kernels.resample2d import resample2d, spans


def test_each_plane_is_multiplied_from_both_sides(rng):
    x, rows, columns = rng.normal(size=(3, 2, 4, 5)), rng.normal(size=(3, 4)), rng.normal(size=(6, 5))
    expected = np.einsum("ih, nchw, jw -> ncij", rows, x, columns)
    np.testing.assert_allclose(resample2d(x, rows, columns), expected, rtol=1e-12, atol=1e-12)


def test_spans_reach_from_the_first_to_the_last_weight():
    weights = np.array([[0, 1, 2, 0], [0, 0, 0, 0], [3, 0, 0, 4], [0, 0, 0, np.nan]])
    assert spans(weights).tolist() == [[1, 3], [0, 0], [0, 4], [3, 4]]


def test_a_weight_of_zero_keeps_nan_out():
    x = np.array([[[[1.0, np.nan, 3.0]]]])
    y = resample2d(x, np.ones((1, 1)), np.array([[1.0, 0, 1], [0, 1, 0]]))
    np.testing.assert_array_equal(y, [[[[4, np.nan]]]])


def test_the_result_is_stored_batch_last(rng):
    y = resample2d(rng.normal(size=(3, 2, 4, 4)), np.eye(4), np.eye(4))
    assert y.strides[0] == y.itemsize
