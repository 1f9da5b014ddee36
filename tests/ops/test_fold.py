import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients

OPTIONS = [
    {"kernel_size": (2, 2)},
    {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)},
    {"kernel_size": (3, 2), "stride": (1, 3), "padding": (0, 2), "dilation": (1, 2)},
]


def unfold_by_loops(x, kernel_size, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    (N, C, H, W), (KH, KW) = x.shape, kernel_size
    OH = (H + 2 * padding[0] - dilation[0] * (KH - 1) - 1) // stride[0] + 1
    OW = (W + 2 * padding[1] - dilation[1] * (KW - 1) - 1) // stride[1] + 1
    y = np.zeros((N, C * KH * KW, OH * OW))
    for n, c, ky, kx, oy, ox in np.ndindex(N, C, KH, KW, OH, OW):
        i, j = oy * stride[0] - padding[0] + ky * dilation[0], ox * stride[1] - padding[1] + kx * dilation[1]
        if 0 <= i < H and 0 <= j < W:
            y[n, (c * KH + ky) * KW + kx, oy * OW + ox] = x[n, c, i, j]
    return y


@pytest.mark.parametrize("options", OPTIONS)
def test_unfold_is_the_definition(rng, options):
    x = rng.normal(size=(2, 2, 4, 5))
    np.testing.assert_array_equal(F.unfold(mt.tensor(x), **options).numpy(), unfold_by_loops(x, **options))


@pytest.mark.parametrize("options", OPTIONS)
def test_fold_is_the_adjoint_of_unfold(rng, options):
    x = rng.normal(size=(2, 2, 4, 5))
    columns = unfold_by_loops(x, **options)
    c = rng.normal(size=columns.shape)
    folded = F.fold(mt.tensor(c), (4, 5), **options)
    assert folded.shape == x.shape
    assert (folded.numpy() * x).sum() == pytest.approx((c * columns).sum(), rel=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_gradients(rng, options):
    x = rng.normal(size=(1, 2, 4, 5))
    assert_gradients(lambda x: F.unfold(x, **options), x)
    assert_gradients(lambda c: F.fold(c, (4, 5), **options), rng.normal(size=unfold_by_loops(x, **options).shape))


def test_fold_counts_how_often_a_place_is_seen():
    y = F.fold(F.unfold(mt.ones(1, 1, 3, 3), 2), 3, 2)
    assert y.tolist() == [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]


def test_positional_order_is_kernel_dilation_padding_stride():
    x = mt.tensor(np.arange(25.0).reshape(1, 1, 5, 5))
    named = F.unfold(x, kernel_size=2, dilation=2, padding=1, stride=3)
    assert F.unfold(x, 2, 2, 1, 3).equal(named)
    assert F.fold(named, 5, 2, 2, 1, 3).equal(F.fold(named, 5, kernel_size=2, dilation=2, padding=1, stride=3))


def test_one_image_without_batch_axis(rng):
    x = mt.tensor(rng.normal(size=(2, 3, 4)))
    columns = F.unfold(x, 2)
    assert columns.equal(F.unfold(x.unsqueeze(0), 2)[0])
    assert F.fold(columns, (3, 4), 2).equal(F.fold(columns.unsqueeze(0), (3, 4), 2)[0])


def test_empty_batch():
    columns = F.unfold(mt.zeros(0, 2, 3, 3), 2)
    assert columns.shape == (0, 8, 4)
    assert F.fold(columns, 3, 2).shape == (0, 2, 3, 3)


REFUSED = [
    (
        lambda: F.unfold(mt.zeros(1, 1, 4, 4), 5),
        r"unfold: the kernel \(5, 5\) with dilation \(1, 1\) is larger than the image",
    ),
    (lambda: F.unfold(mt.zeros(4, 4), 2), r"unfold: x has shape \(4, 4\) but must be \(N, C, H, W\), or \(C, H, W\)"),
    (lambda: F.unfold(mt.zeros(1, 4, 4), 2, stride=0), r"unfold: stride is 0 but must be at least 1"),
    (lambda: F.fold(mt.zeros(4), 2, 2), r"fold: x has shape \(4,\) but must be \(N, C KH KW, L\), or \(C KH KW, L\)"),
    (
        lambda: F.fold(mt.zeros(1, 5, 1), 2, 2),
        r"fold: the 5 rows of x \(shape \(1, 5, 1\)\) are no multiple of the kernel",
    ),
    (
        lambda: F.fold(mt.zeros(1, 4, 5), 3, 2),
        r"fold: x \(shape \(1, 4, 5\)\) has 5 columns but output_size \(3, 3\) with kernel \(2, 2\) has 2 x 2 = 4 win",
    ),
    (
        lambda: F.fold(mt.zeros(1, 4, 5), 1, 2),
        r"fold: the kernel \(2, 2\) with dilation \(1, 1\) is larger than the image",
    ),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(RuntimeError, match=text):
        call()
