import numpy as np
import pytest

import minitorch_cv as mt
import minitorch_kernels as kernels
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, reversed_memory


def convolve_by_loops(x, w, b, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """The definition, one product at a time."""
    (N, _, H, W), (O, CG, KH, KW) = x.shape, w.shape
    OH = (H + 2 * padding[0] - dilation[0] * (KH - 1) - 1) // stride[0] + 1
    OW = (W + 2 * padding[1] - dilation[1] * (KW - 1) - 1) // stride[1] + 1
    y = np.zeros((N, O, OH, OW))
    for n, o, oy, ox in np.ndindex(y.shape):
        y[n, o, oy, ox] = b[o]
        for c, ky, kx in np.ndindex(CG, KH, KW):
            i = oy * stride[0] - padding[0] + ky * dilation[0]
            j = ox * stride[1] - padding[1] + kx * dilation[1]
            if 0 <= i < H and 0 <= j < W:
                y[n, o, oy, ox] += w[o, c, ky, kx] * x[n, o // (O // groups) * CG + c, i, j]
    return y


OPTIONS = [
    {},
    {"stride": (2, 1), "padding": (1, 2)},
    {"stride": (1, 3), "padding": (0, 1), "dilation": (2, 1)},
    {"padding": (2, 0), "groups": 2},
    {"stride": (3, 3), "dilation": (1, 2), "padding": (1, 1), "groups": 2},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_forward_is_the_definition(rng, options):
    x, w, b = (
        rng.normal(size=(2, 4, 6, 5)),
        rng.normal(size=(2, 4 // options.get("groups", 1), 3, 2)),
        rng.normal(size=2),
    )
    y = F.conv2d(mt.tensor(x), mt.tensor(w), mt.tensor(b), **options)
    np.testing.assert_allclose(y.numpy(), convolve_by_loops(x, w, b, **options), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_gradients(rng, options):
    x, w, b = (
        rng.normal(size=(2, 2, 5, 4)),
        rng.normal(size=(2, 2 // options.get("groups", 1), 2, 2)),
        rng.normal(size=2),
    )
    assert_gradients(lambda x, w, b: F.conv2d(x, w, b, **options), x, w, b)


def test_one_number_stands_for_both_axes(rng):
    x, w = mt.tensor(rng.normal(size=(1, 1, 7, 7))), mt.tensor(rng.normal(size=(1, 1, 2, 2)))
    y = F.conv2d(x, w, None, 2, 1, [2])
    np.testing.assert_array_equal(y.numpy(), F.conv2d(x, w, None, (2, 2), (1, 1), (2, 2)).numpy())


@pytest.mark.parametrize(("kernel", "dilation"), [((3, 3), 1), ((2, 3), 1), ((4, 2), 1), ((2, 2), 2), ((2, 4), (1, 3))])
def test_same_padding_adds_the_odd_row_at_the_end(rng, kernel, dilation):
    x, w = rng.normal(size=(2, 1, 5, 6)), rng.normal(size=(2, 1, *kernel))
    d = (dilation, dilation) if isinstance(dilation, int) else dilation
    reach = [d[i] * (kernel[i] - 1) for i in range(2)]
    widths = [(r // 2, r - r // 2) for r in reach]
    padded = np.pad(x, [(0, 0), (0, 0), *widths])
    y = F.conv2d(mt.tensor(x), mt.tensor(w), padding="same", dilation=dilation)
    assert y.shape == (2, 2, 5, 6)
    np.testing.assert_allclose(y.numpy(), convolve_by_loops(padded, w, np.zeros(2), dilation=d), rtol=1e-12, atol=1e-12)


def test_gradients_with_same_padding(rng):
    x, w = rng.normal(size=(1, 1, 3, 4)), rng.normal(size=(2, 1, 2, 2))
    assert_gradients(lambda x, w: F.conv2d(x, w, padding="same"), x, w)


def test_valid_padding_is_none(rng):
    x, w = mt.tensor(rng.normal(size=(1, 1, 4, 4))), mt.tensor(rng.normal(size=(1, 1, 3, 3)))
    np.testing.assert_array_equal(F.conv2d(x, w, padding="valid").numpy(), F.conv2d(x, w).numpy())


def test_one_image_without_batch_axis(rng):
    x, w, b = rng.normal(size=(2, 4, 4)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
    y = F.conv2d(mt.tensor(x), mt.tensor(w), mt.tensor(b))
    np.testing.assert_allclose(y.numpy(), convolve_by_loops(x[None], w, b)[0], rtol=1e-12)
    assert_gradients(F.conv2d, x[:, :3, :3], w[:1], b[:1])


def test_empty_batch(rng):
    x, w = (
        mt.zeros(0, 2, 4, 4, requires_grad=True),
        mt.tensor(rng.normal(size=(3, 2, 3, 3)).astype("f"), requires_grad=True),
    )
    y = F.conv2d(x, w)
    y.sum().backward()
    assert (y.shape, y.dtype, x.grad.shape) == ((0, 3, 2, 2), np.float32, (0, 2, 4, 4))
    np.testing.assert_array_equal(w.grad.numpy(), np.zeros((3, 2, 3, 3)))


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
def test_memory_order_does_not_matter(rng, memory):
    x, w, dy = rng.normal(size=(3, 2, 4, 4)), rng.normal(size=(2, 2, 3, 3)), rng.normal(size=(3, 2, 2, 2))
    results = []
    for order in (np.ascontiguousarray, memory):
        tx, tw = mt.Tensor(order(x), requires_grad=True), mt.Tensor(order(w), requires_grad=True)
        y = F.conv2d(tx, tw)
        y.backward(mt.Tensor(order(dy)))
        results.append([y.detach().numpy(), tx.grad.numpy(), tw.grad.numpy()])
    for plain, other in zip(*results):
        np.testing.assert_allclose(other, plain, rtol=1e-12, atol=1e-12)


def test_gradients_nobody_wants_are_not_computed(rng, monkeypatch):
    def refuse(*args):
        raise AssertionError("a gradient was computed for nobody")

    x, w = mt.tensor(rng.normal(size=(1, 1, 4, 4))), mt.tensor(rng.normal(size=(1, 1, 3, 3)), requires_grad=True)
    monkeypatch.setattr(kernels, "conv2d_input_grad", refuse)
    F.conv2d(x, w).sum().backward()
    assert w.grad.shape == w.shape
    monkeypatch.undo()
    monkeypatch.setattr(kernels, "conv2d_weight_grad", refuse)
    F.conv2d(x.requires_grad_(), w.detach()).sum().backward()
    assert x.grad.shape == x.shape


def test_weights_changed_after_the_forward_pass_are_noticed(rng):
    x = mt.tensor(rng.normal(size=(1, 1, 4, 4)), requires_grad=True)
    w = mt.tensor(rng.normal(size=(1, 1, 3, 3)), requires_grad=True)
    y = F.conv2d(x, w).sum()
    with mt.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match=r"convolution: its input 'w' \(shape \(1, 1, 3, 3\)\) was changed in place"):
        y.backward()


REFUSED = [
    (
        (8, 3, 28, 28),
        (6, 1, 5, 5),
        {},
        r"conv2d: x has 3 channels \(shape \(8, 3, 28, 28\)\) but weight expects 1; give x 1 ",
    ),
    ((1, 4, 9, 9), (6, 3, 2, 2), {"groups": 2}, r"x has 4 channels .* but weight expects 6 \(3 in each of 2 groups\)"),
    (
        (1, 4, 9, 9),
        (5, 2, 2, 2),
        {"groups": 2},
        r"groups=2 must divide the 5 filters of weight \(shape \(5, 2, 2, 2\)\)",
    ),
    ((1, 4, 9, 9), (4, 4, 2, 2), {"groups": 0}, r"groups=0 must divide the 4 filters"),
    (
        (1, 1, 4, 9),
        (1, 1, 5, 5),
        {},
        r"the kernel \(5, 5\) is larger than the input \(4, 9\) \(padding \(0, 0\) included\)",
    ),
    (
        (1, 1, 4, 9),
        (1, 1, 2, 5),
        {"dilation": 3},
        r"the kernel \(2, 5\) \(dilated by \(3, 3\) to \(4, 13\)\) is larger",
    ),
    (
        (9, 9),
        (1, 1, 2, 2),
        {},
        r"conv2d: x has shape \(9, 9\) but must be \(N, C, H, W\), or \(C, H, W\) for one image",
    ),
    ((1, 1, 9, 9), (1, 2, 2), {}, r"weight has shape \(1, 2, 2\) but must be \(O, C / groups, KH, KW\)"),
    ((1, 1, 9, 9), (1, 1, 2, 2), {"padding": "full"}, r"padding='full'; choose 'same', 'valid', a number or a pair"),
    ((1, 1, 9, 9), (1, 1, 2, 2), {"padding": "same", "stride": 2}, r"padding='same' needs stride 1, got \(2, 2\)"),
    ((1, 1, 9, 9), (1, 1, 2, 2), {"stride": 0}, r"conv2d: stride is 0 but must be at least 1"),
    ((1, 1, 9, 9), (1, 1, 2, 2), {"padding": (0, -1)}, r"conv2d: padding is \(0, -1\) but must be at least 0"),
    ((1, 1, 9, 9), (1, 1, 2, 2), {"dilation": (1, 2, 3)}, r"dilation is \(1, 2, 3\); give one number, or two"),
    (
        (1, 1, 9, 9),
        (2, 1, 2, 2),
        {"bias": mt.zeros(3)},
        r"bias has shape \(3,\) but the 2 filters of weight need .* \(2,\)",
    ),
]


@pytest.mark.parametrize(("x", "w", "options", "text"), REFUSED)
def test_what_does_not_fit_is_refused(x, w, options, text):
    with pytest.raises(RuntimeError, match=text):
        F.conv2d(mt.zeros(x), mt.zeros(w), **options)


def test_mixed_dtypes_are_refused():
    with pytest.raises(RuntimeError, match=r"conv2d: mixed dtypes: x is float64, weight is float32"):
        F.conv2d(mt.zeros(1, 1, 4, 4, dtype=mt.float64), mt.zeros(1, 1, 2, 2))
    with pytest.raises(RuntimeError, match=r"conv2d: x is uint8 but must be floating point; convert with .float\(\)"):
        F.conv2d(mt.zeros(1, 1, 4, 4, dtype=mt.uint8), mt.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(rng, dtype):
    x, w = (
        mt.Tensor(rng.normal(size=(2, 1, 4, 4)).astype(dtype)),
        mt.Tensor(rng.normal(size=(1, 1, 2, 2)).astype(dtype)),
    )
    assert F.conv2d(x, w, mt.zeros(1, dtype=dtype)).dtype == dtype
