import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory


def stamped_by_loops(x, w, b, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)):
    """The definition: each element of x adds its filters to a roomy y, whose edges are cut off by the padding."""
    (N, C, H, W), (_, OG, KH, KW) = x.shape, w.shape
    OH, OW = (
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for n, s, p, d, k, e in zip((H, W), stride, padding, dilation, (KH, KW), output_padding)
    )
    roomy = np.zeros((N, OG * groups, OH + 2 * padding[0], OW + 2 * padding[1]))
    for n, c, o, i, j, ky, kx in np.ndindex(N, C, OG, H, W, KH, KW):
        out = c // (C // groups) * OG + o
        place = i * stride[0] + ky * dilation[0], j * stride[1] + kx * dilation[1]
        roomy[n, out, *place] += w[c, o, ky, kx] * x[n, c, i, j]
    y = roomy[:, :, padding[0] : padding[0] + OH, padding[1] : padding[1] + OW]
    return y + b[:, None, None]


OPTIONS = [
    {},
    {"stride": (2, 3), "padding": (1, 0)},
    {"stride": (2, 3), "output_padding": (1, 2)},
    {"stride": (1, 2), "dilation": (2, 4), "output_padding": (1, 1), "padding": (0, 2)},
    {"groups": 2, "stride": (2, 2), "padding": (1, 1), "output_padding": (0, 1)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("N", [2, 17])
def test_forward_is_the_definition(rng, options, N):
    x, w = rng.normal(size=(N, 2, 3, 2)), rng.normal(size=(2, 2 // options.get("groups", 1), 3, 2))
    b = rng.normal(size=2)
    y = F.conv_transpose2d(mt.tensor(x), mt.tensor(w), mt.tensor(b), **options)
    np.testing.assert_allclose(y.numpy(), stamped_by_loops(x, w, b, **options), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients(rng, options):
    x, w = rng.normal(size=(2, 2, 3, 2)), rng.normal(size=(2, 2 // options.get("groups", 1), 2, 2))
    assert_gradients(lambda x, w, b: F.conv_transpose2d(x, w, b, **options), x, w, rng.normal(size=2))


def test_it_is_the_transpose_of_the_convolution(rng):
    """<conv(a), x> = <a, conv_transpose(x)>, the identity that gives the operation its name."""
    a, w, x = rng.normal(size=(2, 3, 7, 8)), rng.normal(size=(4, 3, 3, 2)), rng.normal(size=(2, 4, 4, 3))
    options = {"stride": (2, 3), "padding": (1, 0)}
    ahead = F.conv2d(mt.tensor(a), mt.tensor(w), **options).numpy()
    back = F.conv_transpose2d(mt.tensor(x), mt.tensor(w), output_padding=(0, 0), **options).numpy()
    assert ahead.shape == x.shape
    assert back.shape == a.shape
    np.testing.assert_allclose((ahead * x).sum(), (a * back).sum(), rtol=1e-12)


def test_one_image_without_batch_axis(rng):
    x, w, b = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3, 2, 2)), rng.normal(size=3)
    y = F.conv_transpose2d(mt.tensor(x), mt.tensor(w), mt.tensor(b))
    np.testing.assert_allclose(y.numpy(), stamped_by_loops(x[None], w, b)[0], rtol=1e-12, atol=1e-12)


def test_empty_batch():
    x, w = mt.zeros(0, 2, 3, 3, requires_grad=True), mt.ones(2, 3, 2, 2, requires_grad=True)
    y = F.conv_transpose2d(x, w, stride=2)
    y.sum().backward()
    assert (y.shape, x.grad.shape) == ((0, 3, 6, 6), (0, 2, 3, 3))
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros((2, 3, 2, 2)))


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_memory_order_does_not_matter(rng, memory):
    x, w = rng.normal(size=(3, 2, 3, 3)), rng.normal(size=(2, 2, 3, 3))
    plain = F.conv_transpose2d(mt.Tensor(x), mt.Tensor(w), stride=2)
    other = F.conv_transpose2d(mt.Tensor(memory(x)), mt.Tensor(memory(w)), stride=2)
    np.testing.assert_allclose(other.numpy(), plain.numpy(), rtol=1e-12, atol=1e-12)


REFUSED = [
    ((1, 3, 4, 4), (2, 3, 2, 2), {}, r"x has 3 channels \(shape \(1, 3, 4, 4\)\) but weight expects 2; give x 2 "),
    ((4, 4), (1, 1, 2, 2), {}, r"conv_transpose2d: x has shape \(4, 4\) but must be \(N, C, H, W\)"),
    ((1, 1, 4, 4), (1, 2, 2), {}, r"weight has shape \(1, 2, 2\) but must be \(C, O / groups, KH, KW\)"),
    ((1, 3, 4, 4), (3, 2, 2, 2), {"groups": 2}, r"groups=2 must be positive and divide the 3 channels"),
    ((1, 3, 4, 4), (3, 2, 2, 2), {"groups": 0}, r"groups=0 must be positive and divide the 3 channels"),
    ((1, 2, 4, 4), (2, 2, 2, 2), {"groups": 2, "bias": mt.zeros(2)}, r"bias has shape \(2,\) but the 4 outputs"),
    (
        (1, 1, 4, 4),
        (1, 1, 2, 2),
        {"stride": (2, 3), "output_padding": 2},
        r"output_padding \(2, 2\) must be smaller than the stride \(2, 3\) or the dilation \(1, 1\)",
    ),
    ((1, 1, 1, 4), (1, 1, 2, 2), {"padding": 1}, r"\(1, 4\) becomes \(0, 3\) with padding \(1, 1\); use less padding"),
    ((1, 1, 0, 4), (1, 1, 2, 2), {}, r"conv_transpose2d: \(0, 4\) becomes"),
    ((1, 1, 4, 4), (1, 1, 2, 2), {"stride": 0}, r"conv_transpose2d: stride is 0 but must be at least 1"),
    ((1, 1, 4, 4), (1, 1, 2, 2), {"output_padding": -1}, r"output_padding is -1 but must be at least 0"),
]


@pytest.mark.parametrize(("x", "w", "options", "text"), REFUSED)
def test_what_does_not_fit_is_refused(x, w, options, text):
    with pytest.raises(RuntimeError, match=text):
        F.conv_transpose2d(mt.zeros(x), mt.zeros(w), **options)


def test_mixed_dtypes_are_refused():
    with pytest.raises(RuntimeError, match=r"conv_transpose2d: mixed dtypes: x is float64, weight is float32"):
        F.conv_transpose2d(mt.zeros(1, 1, 4, 4, dtype=mt.float64), mt.zeros(1, 1, 2, 2))
