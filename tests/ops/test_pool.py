import itertools
import math

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, distinct, reversed_memory


def cells(position, kernel, stride, padding, dilation, size):
    """The places of one window along one axis, those in the padding too."""
    return [position * stride - padding + tap * dilation for tap in range(kernel)]


def pooled_size(n, kernel, stride, padding, dilation, ceil_mode):
    positions = (n + 2 * padding - dilation * (kernel - 1) - 1) / stride
    count = (math.ceil if ceil_mode else math.floor)(positions) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= n + padding else count


def windows_by_loops(size, kernel, stride, padding, dilation=(1, 1), ceil_mode=False):
    """For each (oy, ox) the list of (row, column) of its window, padding included."""
    OH, OW = (pooled_size(*axis, ceil_mode) for axis in zip(size, kernel, stride, padding, dilation))
    for oy, ox in np.ndindex(OH, OW):
        rows = cells(oy, kernel[0], stride[0], padding[0], dilation[0], size[0])
        columns = cells(ox, kernel[1], stride[1], padding[1], dilation[1], size[1])
        yield (oy, ox), list(itertools.product(rows, columns))


def inside(places, size):
    return [(i, j) for i, j in places if 0 <= i < size[0] and 0 <= j < size[1]]


MAX_OPTIONS = [
    {"kernel_size": (2, 2)},
    {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 1)},
    {"kernel_size": (2, 2), "stride": (3, 2), "ceil_mode": True},
    {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 1), "dilation": (2, 1), "ceil_mode": True},
]


@pytest.mark.parametrize("options", MAX_OPTIONS)
def test_max_pool_is_the_definition(rng, options):
    x = distinct(rng, 2, 2, 5, 6)
    y, positions = F.max_pool2d(mt.tensor(x), return_indices=True, **options)
    given = {"stride": options["kernel_size"], "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False, **options}
    given["kernel"] = given.pop("kernel_size")
    windows = dict(windows_by_loops((5, 6), **given))
    assert y.shape == (2, 2, *(1 + last for last in max(windows)))
    for (oy, ox), places in windows.items():
        for n, c in np.ndindex(2, 2):
            value, place = max((x[n, c, i, j], i * 6 + j) for i, j in inside(places, (5, 6)))
            assert (y[n, c, oy, ox].item(), positions[n, c, oy, ox].item()) == (value, place)
    assert positions.dtype == mt.int64


@pytest.mark.parametrize("options", MAX_OPTIONS)
def test_max_pool_gradients(rng, options):
    assert_gradients(lambda x: F.max_pool2d(x, **options), distinct(rng, 2, 1, 5, 6))


def test_of_equal_values_the_first_takes_the_gradient():
    x = mt.zeros(1, 1, 2, 4, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0, 0, 0, 0]]]]


AVG_OPTIONS = [
    {"kernel_size": (2, 2)},
    {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 1)},
    {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 1), "count_include_pad": False},
    {"kernel_size": (2, 4), "stride": (3, 3), "padding": (1, 2), "ceil_mode": True},
    {"kernel_size": (2, 2), "divisor_override": 3},
]


@pytest.mark.parametrize("options", AVG_OPTIONS)
def test_avg_pool_is_the_definition(rng, options):
    x, size, kernel = rng.normal(size=(2, 2, 5, 6)), (5, 6), options["kernel_size"]
    padding = options.get("padding", (0, 0))
    y = F.avg_pool2d(mt.tensor(x), **options).numpy()
    geometry = (kernel, options.get("stride", kernel), padding, (1, 1), options.get("ceil_mode", False))
    windows = dict(windows_by_loops(size, *geometry))
    assert y.shape == (2, 2, *(1 + last for last in max(windows)))
    for (oy, ox), places in windows.items():
        seen = inside(places, size)
        counted = [(i, j) for i, j in places if i < size[0] + padding[0] and j < size[1] + padding[1]]
        divisor = options.get("divisor_override") or len(counted if options.get("count_include_pad", True) else seen)
        total = sum(x[:, :, i, j] for i, j in seen)
        np.testing.assert_allclose(y[:, :, oy, ox], total / divisor, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", AVG_OPTIONS)
def test_avg_pool_gradients(rng, options):
    assert_gradients(lambda x: F.avg_pool2d(x, **options), rng.normal(size=(1, 2, 5, 6)))


SIZES = [1, (2, 3), (None, 4), (3, None), 7]


@pytest.mark.parametrize("output_size", SIZES)
def test_adaptive_pools_are_the_definition(rng, output_size):
    x = distinct(rng, 2, 1, 5, 6)
    mean = F.adaptive_avg_pool2d(mt.tensor(x), output_size)
    best, positions = F.adaptive_max_pool2d(mt.tensor(x), output_size, return_indices=True)
    OH, OW = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    OH, OW = OH or 5, OW or 6
    assert mean.shape == best.shape == positions.shape == (2, 1, OH, OW)
    assert positions.dtype == mt.int64
    for oy, ox in np.ndindex(OH, OW):
        rows = range(oy * 5 // OH, math.ceil((oy + 1) * 5 / OH))
        columns = range(ox * 6 // OW, math.ceil((ox + 1) * 6 / OW))
        for n in range(2):
            window = [(x[n, 0, i, j], i * 6 + j) for i in rows for j in columns]
            assert mean[n, 0, oy, ox].item() == pytest.approx(
                sum(value for value, _ in window) / len(window), abs=1e-12
            )
            assert (best[n, 0, oy, ox].item(), positions[n, 0, oy, ox].item()) == max(window)


@pytest.mark.parametrize("output_size", SIZES)
def test_adaptive_pool_gradients(rng, output_size):
    x = distinct(rng, 1, 2, 4, 5)
    assert_gradients(lambda x: F.adaptive_avg_pool2d(x, output_size), x)
    assert_gradients(lambda x: F.adaptive_max_pool2d(x, output_size), x)


POOLS = [
    lambda x: F.max_pool2d(x, 2),
    lambda x: F.avg_pool2d(x, 2),
    lambda x: F.adaptive_avg_pool2d(x, 2),
    lambda x: F.adaptive_max_pool2d(x, 2),
]


@pytest.mark.parametrize("pool", POOLS)
def test_one_image_without_batch_axis(rng, pool):
    x = rng.normal(size=(2, 4, 4))
    one = mt.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(pool(one).detach().numpy(), pool(mt.tensor(x[None])).numpy()[0])
    pool(one).sum().backward()
    assert one.grad.shape == (2, 4, 4)


@pytest.mark.parametrize("pool", POOLS)
def test_empty_batch(pool):
    x = mt.zeros(0, 2, 4, 4, requires_grad=True)
    y = pool(x)
    y.sum().backward()
    assert (y.shape, y.dtype, x.grad.shape) == ((0, 2, 2, 2), mt.float32, (0, 2, 4, 4))


@pytest.mark.parametrize("memory", [batch_last, reversed_memory])
@pytest.mark.parametrize("pool", POOLS)
def test_memory_order_does_not_matter(rng, pool, memory):
    x, dy = rng.normal(size=(3, 2, 4, 4)), rng.normal(size=(3, 2, 2, 2))
    results = []
    for order in (np.ascontiguousarray, memory):
        tensor = mt.Tensor(order(x), requires_grad=True)
        y = pool(tensor)
        y.backward(mt.Tensor(order(dy)))
        results.append((y.detach().numpy(), tensor.grad.numpy()))
    for plain, other in zip(*results):
        np.testing.assert_allclose(other, plain, rtol=1e-12, atol=1e-12)


def test_indices_of_one_image():
    y, positions = F.max_pool2d(mt.arange(16.0).reshape(1, 4, 4), 2, return_indices=True)
    assert (y.tolist(), positions.tolist()) == ([[[5, 7], [13, 15]]], [[[5, 7], [13, 15]]])


def test_stride_is_the_kernel_unless_given():
    x = mt.zeros(1, 1, 6, 6)
    assert [F.max_pool2d(x, 3, stride).shape[-1] for stride in (None, [], 1)] == [2, 2, 4]


REFUSED = [
    (lambda x: F.max_pool2d(x, 9), r"max_pool2d: kernel \(9, 9\) is larger than the padded input \(4, 5\)"),
    (lambda x: F.avg_pool2d(x, (2, 9)), r"avg_pool2d: kernel \(2, 9\) is larger than the padded input \(4, 5\)"),
    (
        lambda x: F.max_pool2d(x, 2, padding=2),
        r"max_pool2d: padding \(2, 2\) must be at least 0 and at most half the kernel",
    ),
    (lambda x: F.max_pool2d(x, 0), r"max_pool2d: kernel_size is 0 but must be at least 1"),
    (lambda x: F.max_pool2d(x, 2, (1, 0)), r"max_pool2d: stride is \(1, 0\) but must be at least 1"),
    (lambda x: F.max_pool2d(x, 2, dilation=0), r"max_pool2d: dilation is 0 but must be at least 1"),
    (lambda x: F.avg_pool2d(x, 2, padding=-1), r"avg_pool2d: padding is -1 but must be at least 0"),
    (lambda x: F.avg_pool2d(x, (1, 2, 3)), r"avg_pool2d: kernel_size is \(1, 2, 3\); give one number, or two"),
    (lambda x: F.avg_pool2d(x, 2, divisor_override=0), r"avg_pool2d: divisor_override is 0; give another integer"),
    (
        lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)),
        r"adaptive_avg_pool2d: output_size is \(1, 2, 3\); give one number",
    ),
    (lambda x: F.adaptive_max_pool2d(x, -1), r"adaptive_max_pool2d: output_size is \(-1, -1\) but must be at least 0"),
    (
        lambda x: F.max_pool2d(x[0, 0], 2),
        r"max_pool2d: x has shape \(4, 5\) but must be \(N, C, H, W\), or \(C, H, W\)",
    ),
    (
        lambda x: F.avg_pool2d(x.long(), 2),
        r"avg_pool2d: x is int64 but must be floating point; convert with .float\(\)",
    ),
]


@pytest.mark.parametrize(("pool", "text"), REFUSED)
def test_what_does_not_fit_is_refused(pool, text):
    with pytest.raises((RuntimeError, ValueError), match=text):
        pool(mt.zeros(1, 1, 4, 5))
