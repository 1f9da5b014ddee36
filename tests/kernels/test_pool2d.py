"""What is special about pooling: the windows, ties, NaN, divisors, and the shapes that are refused.

The forward is checked against loops that share no code with the kernels; the gradients of the linear poolings by
<pool(x), c> = <x, grad(c)>, which holds for the right gradient only.
"""

import math

import numpy as np
import pytest

from minitorch_kernels.adaptive_pool2d import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad,
    adaptive_max_pool2d,
)
from minitorch_kernels.avg_pool2d import avg_pool2d, avg_pool2d_grad
from minitorch_kernels.max_pool2d import max_pool2d, max_pool2d_grad
from minitorch_kernels.pool_windows import adaptive_places, pooled_size, strided_places

ONE, NONE = (1, 1), (0, 0)

IMPLEMENTATIONS = ["reference", "cpu"]

# shape, kernel, stride, padding, ceil_mode, and the output size that torch gives
GEOMETRIES = [
    ((2, 2, 6, 6), (2, 2), (2, 2), NONE, False, (3, 3)),
    ((1, 2, 7, 7), (2, 3), (3, 4), NONE, False, (2, 2)),
    ((1, 1, 4, 3), (4, 3), ONE, NONE, False, ONE),
    ((2, 1, 6, 5), (3, 3), (2, 2), ONE, False, (3, 3)),
    ((2, 1, 6, 5), (3, 3), (2, 2), ONE, True, (4, 3)),
    ((1, 2, 5, 6), (2, 2), (3, 3), ONE, True, (2, 3)),
    ((1, 1, 6, 6), (3, 3), (2, 2), NONE, True, (3, 3)),
    ((1, 1, 4, 4), (5, 5), (2, 2), NONE, True, ONE),
]


@pytest.fixture(params=IMPLEMENTATIONS)
def run(request):
    """run(kernel, *args): the kernel on one of its implementations."""
    return lambda kernel, *args: getattr(kernel, request.param)(*args)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def naive_cells(start, kernel, dilation, size):
    """The input cells of a window along one axis."""
    return [k for k in range(start, start + kernel * dilation, dilation) if 0 <= k < size]


def naive_max(x, kernel, stride, padding, dilation, pooled):
    """The largest value of each window and its position, the first of equals, looking at one cell at a time."""
    N, C, H, W = x.shape
    y, indices = np.full((N, C, *pooled), -np.inf), np.full((N, C, *pooled), -1)
    for n, c, i, j in np.ndindex(y.shape):
        for h in naive_cells(i * stride[0] - padding[0], kernel[0], dilation[0], H):
            for w in naive_cells(j * stride[1] - padding[1], kernel[1], dilation[1], W):
                if indices[n, c, i, j] < 0 or x[n, c, h, w] > y[n, c, i, j]:
                    y[n, c, i, j], indices[n, c, i, j] = x[n, c, h, w], h * W + w
    return y, indices


def naive_avg(x, kernel, stride, padding, pooled, count_include_pad, divisor_override):
    """The sum of each window over its divisor; a cell up to `padding` outside the input may count, one beyond never."""
    N, C, H, W = x.shape
    y = np.zeros((N, C, *pooled))
    for n, c, i, j in np.ndindex(y.shape):
        inside = counted = 0
        for h in range(i * stride[0] - padding[0], i * stride[0] - padding[0] + kernel[0]):
            for w in range(j * stride[1] - padding[1], j * stride[1] - padding[1] + kernel[1]):
                counted += h < H + padding[0] and w < W + padding[1]
                if 0 <= h < H and 0 <= w < W:
                    inside += 1
                    y[n, c, i, j] += x[n, c, h, w]
        y[n, c, i, j] /= divisor_override or (counted if count_include_pad else inside)
    return y


@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "ceil_mode", "pooled"), GEOMETRIES)
def test_max_pool2d_agrees_with_loops(run, rng, shape, kernel, stride, padding, ceil_mode, pooled):
    x = rng.integers(-3, 3, shape).astype(np.float64)  # few values, so that nearly every window has ties
    y, places = run(max_pool2d, x, kernel, stride, padding, ONE, ceil_mode)
    expected_y, expected_indices = naive_max(x, kernel, stride, padding, ONE, pooled)
    windows = strided_places(shape[2:], pooled, kernel, stride, padding, ONE)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(windows.positions(places, shape[3]), expected_indices)
    assert places.dtype == np.uint8


@pytest.mark.parametrize(
    ("size", "kernel", "padding", "dilation", "pooled"),
    [
        ((7, 7), (2, 2), NONE, (3, 2), (4, 5)),
        ((5, 6), (3, 3), (1, 0), (2, 2), (3, 2)),
        ((1, 3), (2, 2), ONE, (2, 2), (1, 3)),  # no row of any window lies in the input
    ],
)
def test_dilated_max_pool2d_agrees_with_loops(run, rng, size, kernel, padding, dilation, pooled):
    x = rng.standard_normal((2, 1, *size))
    y, places = run(max_pool2d, x, kernel, ONE, padding, dilation, False)
    expected_y, expected_indices = naive_max(x, kernel, ONE, padding, dilation, pooled)
    windows = strided_places(size, pooled, kernel, ONE, padding, dilation)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(windows.positions(places, size[1]), expected_indices)


@pytest.mark.parametrize(("kernel", "dtype"), [((17, 15), np.uint8), ((16, 16), np.int32)])
def test_a_window_of_more_than_255_places_takes_a_wider_type(run, kernel, dtype):
    """In the last place; a byte has no number left for it and for none."""
    x = np.arange(17.0 * 16).reshape(1, 1, 17, 16)
    y, places = run(max_pool2d, x, kernel, ONE, NONE, ONE, False)
    assert places.dtype == dtype
    assert (places == kernel[0] * kernel[1] - 1).all()
    dx = run(max_pool2d_grad, np.ones_like(y), places, (17, 16), kernel, ONE, NONE, ONE)
    last = np.zeros_like(x)
    last[..., kernel[0] - 1 :, kernel[1] - 1 :] = 1
    np.testing.assert_array_equal(dx, last)


@pytest.mark.parametrize("divisor", [None, 3, -2])
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "ceil_mode", "pooled"), GEOMETRIES)
def test_avg_pool2d_agrees_with_loops(
    run, rng, shape, kernel, stride, padding, ceil_mode, pooled, count_include_pad, divisor
):
    x = rng.standard_normal(shape)
    y = run(avg_pool2d, x, kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    expected = naive_avg(x, kernel, stride, padding, pooled, count_include_pad, divisor)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("divisor", [None, 3])
@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize(("shape", "kernel", "stride", "padding", "ceil_mode", "pooled"), GEOMETRIES)
def test_avg_pool2d_grad_is_the_adjoint(
    run, rng, shape, kernel, stride, padding, ceil_mode, pooled, count_include_pad, divisor
):
    options = (kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    x, c = rng.standard_normal(shape), rng.standard_normal((*shape[:2], *pooled))
    y, dx = run(avg_pool2d, x, *options), run(avg_pool2d_grad, c, shape[2:], *options)
    assert math.isclose(np.vdot(y, c), np.vdot(x, dx), rel_tol=1e-12)


@pytest.mark.parametrize(("size", "output_size"), [((6, 6), (3, 2)), ((5, 7), (3, 4)), ((3, 2), (5, 2)), ((4, 3), ONE)])
def test_adaptive_pools_agree_with_loops(run, rng, size, output_size):
    x = rng.standard_normal((2, 2, *size))
    mean, largest, where = np.empty((3, 2, 2, *output_size))
    for i, j in np.ndindex(output_size):
        rows = [
            h
            for h in range(size[0])
            if (h + 1) * output_size[0] > i * size[0] and h * output_size[0] < (i + 1) * size[0]
        ]
        cols = [
            w
            for w in range(size[1])
            if (w + 1) * output_size[1] > j * size[1] and w * output_size[1] < (j + 1) * size[1]
        ]
        for n, c in np.ndindex(2, 2):
            cells = {h * size[1] + w: x[n, c, h, w] for h in rows for w in cols}
            mean[n, c, i, j] = sum(cells.values()) / len(cells)
            where[n, c, i, j] = max(cells, key=cells.get)
            largest[n, c, i, j] = cells[where[n, c, i, j]]
    np.testing.assert_allclose(run(adaptive_avg_pool2d, x, output_size), mean, rtol=1e-13, atol=1e-14)
    y, places = run(adaptive_max_pool2d, x, output_size)
    np.testing.assert_array_equal(y, largest)
    np.testing.assert_array_equal(adaptive_places(size, output_size).positions(places, size[1]), where)


@pytest.mark.parametrize(("size", "output_size"), [((6, 6), (3, 2)), ((5, 7), (3, 4)), ((3, 2), (5, 2)), ((4, 3), ONE)])
def test_adaptive_avg_pool2d_grad_is_the_adjoint(run, rng, size, output_size):
    x, c = rng.standard_normal((2, 2, *size)), rng.standard_normal((2, 2, *output_size))
    y, dx = run(adaptive_avg_pool2d, x, output_size), run(adaptive_avg_pool2d_grad, c, size)
    assert math.isclose(np.vdot(y, c), np.vdot(x, dx), rel_tol=1e-12)


def test_of_equal_values_the_first_is_taken(run):
    x = np.array([[0, 5, 5], [5, 5, 1]], np.float32).reshape(1, 1, 2, 3)
    y, places = run(max_pool2d, x, (2, 2), ONE, NONE, ONE, False)
    assert y.ravel().tolist() == [5, 5]
    assert places.ravel().tolist() == [1, 0]
    assert run(adaptive_max_pool2d, x, ONE)[1].item() == 1


def test_a_window_of_minus_infinity_points_at_its_first_cell_not_at_padding(run):
    x = np.full((1, 1, 2, 2), -np.inf, np.float32)
    y, places = run(max_pool2d, x, (2, 2), (2, 2), ONE, ONE, False)
    assert np.isneginf(y).all()
    assert places.ravel().tolist() == [3, 2, 1, 0]


def test_the_first_nan_of_a_window_wins(run):
    x = np.array([[1, np.nan], [np.nan, np.inf]], np.float32).reshape(1, 1, 2, 2)
    for y, place in (run(max_pool2d, x, (2, 2), ONE, NONE, ONE, False), run(adaptive_max_pool2d, x, ONE)):
        assert np.isnan(y).all()
        assert place.item() == 1


def test_max_pool2d_grad_sums_where_windows_overlap(run):
    x = np.array([0.0, 1, 9, 1, 0]).reshape(1, 1, 1, 5)
    y, places = run(max_pool2d, x, (1, 3), ONE, NONE, ONE, False)
    dx = run(max_pool2d_grad, np.array([1.0, 10, 100]).reshape(y.shape), places, (1, 5), (1, 3), ONE, NONE, ONE)
    assert dx.ravel().tolist() == [0, 0, 111, 0, 0]


def test_max_pool2d_grad_ignores_windows_that_saw_only_padding(run):
    x = np.ones((1, 1, 1, 1))
    y, places = run(max_pool2d, x, (2, 2), ONE, ONE, (2, 2), False)
    assert (y.item(), places.item()) == (-np.inf, 255)
    assert run(max_pool2d_grad, np.ones_like(y), places, ONE, (2, 2), ONE, ONE, (2, 2)).item() == 0


def test_max_pool2d_grad_is_the_derivative(run, rng):
    x = rng.permutation(2 * 2 * 5 * 6).reshape(2, 2, 5, 6).astype(np.float64)  # steps of 1: no kink within h
    options = ((3, 2), (2, 1), (1, 1), ONE, True)
    y, places = run(max_pool2d, x, *options)
    c = rng.standard_normal(y.shape)
    dx = run(max_pool2d_grad, c, places, (5, 6), *options[:4])
    numeric = central_difference(lambda: np.vdot(run(max_pool2d, x, *options)[0], c), x, 0.25)
    np.testing.assert_allclose(dx, numeric, rtol=1e-10, atol=1e-10)


def central_difference(loss, x, h):
    gradient = np.empty_like(x)
    for k in np.ndindex(x.shape):
        value = x[k]
        x[k] = value + h
        above = loss()
        x[k] = value - h
        gradient[k] = (above - loss()) / (2 * h)
        x[k] = value
    return gradient


def test_a_global_mean_of_float32_is_accurate(run):
    x = np.full((1, 1, 40, 50), 0.1, np.float32)
    exact = float(np.float32(0.1))
    assert run(adaptive_avg_pool2d, x, ONE).item() == exact
    assert run(avg_pool2d, x, (40, 50), ONE, NONE, False, True, None).item() == exact


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((28, 2, 2, 0, 1, False), 14),
        ((54, 3, 2, 0, 1, False), 26),
        ((5, 2, 2, 0, 1, False), 2),
        ((5, 2, 2, 0, 1, True), 3),
        ((6, 2, 3, 1, 1, True), 3),
        ((5, 2, 3, 1, 1, True), 2),  # a third window would begin at cell 5, in the right padding
        ((7, 3, 1, 1, 2, False), 5),
        ((4, 5, 2, 0, 1, False), 0),
    ],
)
def test_pooled_size(arguments, expected):
    assert pooled_size(*arguments) == expected


X = np.zeros((1, 1, 4, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            (max_pool2d, X, (5, 5), ONE, NONE, ONE, False),
            "max_pool2d: kernel (5, 5) is larger than the padded input (4, 4); choose a smaller kernel or pad more",
        ),
        (
            (max_pool2d, X, (3, 3), ONE, NONE, (2, 2), False),
            "max_pool2d: kernel (3, 3) with dilation (2, 2) is larger than the padded input (4, 4); "
            "choose a smaller kernel or pad more",
        ),
        (
            (avg_pool2d, X, (3, 3), ONE, (2, 1), False, True, None),
            "avg_pool2d: padding (2, 1) must be at least 0 and at most half the kernel (3, 3), so at most (1, 1)",
        ),
        (
            (avg_pool2d, X, (2, 2), (0, 1), NONE, False, True, None),
            "avg_pool2d: stride (0, 1) must be at least 1 in both directions",
        ),
        (
            (avg_pool2d, X, (2, 2), ONE, NONE, False, True, 0),
            "avg_pool2d: divisor_override is 0; give another integer, or None for the size of the window",
        ),
        (
            (max_pool2d, X[:, :, :0], ONE, ONE, NONE, ONE, False),
            "max_pool2d: input size (0, 4) must be at least 1 in both directions",
        ),
        (
            (adaptive_avg_pool2d, X[:, :, :0], ONE),
            "adaptive_avg_pool2d: input size (0, 4) must be at least 1 and output size (1, 1) at least 0",
        ),
    ],
)
def test_refused_shapes(run, call, text):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        run(*call)
    assert str(error.value) == text
