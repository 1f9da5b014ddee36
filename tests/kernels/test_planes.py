"""Convolutions of few images by planes: every case against the reference, and the copies that it makes."""

import numpy as np
import pytest

from minitorch_kernels import conv2d, conv2d_input_grad
from minitorch_kernels.conv2d import cpu, planes
from minitorch_kernels.conv2d.planes import conv2d_input_grad_planes, conv2d_planes

from .cases_conv import BIG, SMALL, Conv

CASES = [
    *(conv for conv in (*SMALL, *BIG) if conv.N > 0),
    Conv(1, 3, 5, (9, 7), (3, 3), stride=(4, 1), padding=(0, 2)),
    Conv(2, 2, 3, (2, 9), (1, 1), stride=(5, 3), padding=(3, 1)),  # classes of positions that no tap reaches
    Conv(3, 2, 2, (6, 5), (2, 3), stride=(2, 3), padding=(4, 5), dilation=(3, 2)),
]


@pytest.mark.parametrize("conv", CASES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_planes_give_the_convolution(rng, conv, dtype):
    x, w, dy = (rng.standard_normal(shape).astype(dtype) for shape in (conv.x_shape, conv.w_shape, conv.y_shape))
    b = rng.standard_normal(conv.O).astype(dtype) if conv.bias else None
    tolerance = {"rtol": 0, "atol": 1e-11 if dtype == np.float64 else 2e-3 if conv in BIG else 2e-5}
    y = conv2d_planes(x, w, b, *conv.window, conv.groups)
    np.testing.assert_allclose(y, conv2d.reference(x, w, b, *conv.window, conv.groups), **tolerance)
    dx = conv2d_input_grad_planes(dy, w, conv.size, *conv.window, conv.groups)
    want = conv2d_input_grad.reference(dy, w, conv.size, *conv.window, conv.groups)
    np.testing.assert_allclose(dx, want, **tolerance)
    for array in (y, dx):
        assert array.dtype == dtype
        assert np.moveaxis(array, 0, -1).flags.c_contiguous


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite(rng, bad):
    """On the padding of x, 0 · Inf is NaN; beyond the edges of dy there is nothing, and nothing to multiply."""
    conv = Conv(2, 3, 4, (5, 5), (3, 3), stride=(1, 2), padding=(1, 1))
    x, w, dy = (rng.standard_normal(shape) for shape in (conv.x_shape, conv.w_shape, conv.y_shape))
    w[1, 2, 0, 0] = bad
    with np.errstate(invalid="ignore"):
        y = conv2d.reference(x, w, None, *conv.window, 1)
        dx = conv2d_input_grad.reference(dy, w, conv.size, *conv.window, 1)
        np.testing.assert_allclose(cpu.conv2d_cpu(x, w, None, *conv.window, 1), y)
        np.testing.assert_allclose(cpu.conv2d_input_grad_cpu(dy, w, conv.size, *conv.window, 1), dx)
    assert np.isnan(y[:, 1, 0]).all()
    assert not np.isnan(dx[:, 2]).all()


@pytest.mark.parametrize(
    ("places", "stretches"),
    [
        ([4, 5, 6], [(0, 4, 3)]),
        ([-1, 0, 1], [(0, -1, 1), (1, 0, 2)]),  # -1 and 0 are no neighbours
        ([-1, -1, 7], [(0, -1, 2), (2, 7, 1)]),
        ([1, 0, -1, -1], [(0, 1, 1), (1, 0, 1), (2, -1, 2)]),
        ([2, 4], [(0, 2, 1), (1, 4, 1)]),
        ([], []),
    ],
)
def test_stretches(places, stretches):
    assert [tuple(row) for row in planes.stretches_of(np.array(places, np.int64))] == stretches


def test_gathered(rng):
    x = rng.standard_normal((2, 5, 3))
    got = planes.gathered(x, planes.stretches_of(np.array([3, 4, -1, 0])))
    np.testing.assert_array_equal(got, np.stack([x[:, 3], x[:, 4], np.zeros((2, 3)), x[:, 0]], axis=1))
    assert planes.gathered(x, planes.stretches_of(np.arange(5))) is x
    assert planes.gathered(x, planes.stretches_of(np.arange(4))).shape == (2, 4, 3)
    assert planes.gathered(x, planes.stretches_of(np.arange(0))).shape == (2, 0, 3)
