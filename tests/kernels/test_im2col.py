"""im2col and col2im: entries by their definition, and that they are adjoint."""

import numpy as np
import pytest

from minitorch_kernels.im2col import col2im, im2col, output_size

from .cases_conv import SMALL


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
def test_columns_of_a_small_image(implementation):
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    cols = getattr(im2col, implementation)(x, (2, 2), (1, 1), (0, 0), (1, 1))
    np.testing.assert_array_equal(cols[0], [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]])


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
def test_col2im_counts_how_often_each_input_was_seen(implementation):
    cols = np.ones((1, 4, 4))
    x = getattr(col2im, implementation)(cols, (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))
    np.testing.assert_array_equal(x[0, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


@pytest.mark.parametrize("implementation", ["reference", "cpu"])
@pytest.mark.parametrize("conv", SMALL, ids=str)
def test_adjoint(rng, implementation, conv):
    """<im2col(x), c> = <x, col2im(c)>, exactly: all sums are of small whole numbers."""
    x, c = (rng.integers(-8, 9, shape).astype(float) for shape in (conv.x_shape, conv.cols_shape))
    cols = getattr(im2col, implementation)(x, conv.kernel, *conv.window)
    back = getattr(col2im, implementation)(c, conv.size, conv.kernel, *conv.window)
    assert np.sum(cols * c) == np.sum(x * back)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "out"),
    [
        ((28, 28), (5, 5), (1, 1), (2, 2), (1, 1), (28, 28)),
        ((224, 224), (11, 11), (4, 4), (1, 1), (1, 1), (54, 54)),
        ((7, 8), (3, 2), (2, 3), (0, 1), (2, 1), (2, 3)),
        ((3, 3), (3, 3), (5, 5), (0, 0), (1, 1), (1, 1)),
    ],
)
def test_output_size(size, kernel, stride, padding, dilation, out):
    assert output_size(size, kernel, stride, padding, dilation) == out


def test_a_kernel_larger_than_the_padded_input_is_refused():
    with pytest.raises(
        ValueError, match=r"a kernel of \(5, 3\) with dilation \(1, 2\) spans \(5, 5\), more than the input"
    ):
        im2col(np.ones((1, 1, 4, 4)), (5, 3), (1, 1), (0, 0), (1, 2))


def test_columns_are_stored_batch_last(rng):
    cols = im2col(rng.standard_normal((3, 2, 4, 4)), (2, 2), (1, 1), (0, 0), (1, 1))
    assert np.moveaxis(cols, 0, -1).flags.c_contiguous
