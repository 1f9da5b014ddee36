"""The operations of networks against PyTorch over grids of shapes and options: outputs and all gradients."""

from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import compare, torch, values

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning"),
    pytest.mark.filterwarnings("ignore:Using a target size"),
    pytest.mark.filterwarnings("ignore:reduction:UserWarning"),
]

RNG = np.random.default_rng(0)


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


# -- convolution -------------------------------------------------------------------------------------------------------

CONV = [
    (stride, padding, dilation, groups, bias)
    for stride, padding, dilation, groups, bias in product(
        (1, 2, (2, 3)), (0, 1, (2, 1), "same", "valid"), (1, 2, (1, 2)), (1, 2), (True, False)
    )
    if not (padding == "same" and stride != 1)
]


@pytest.mark.parametrize(("stride", "padding", "dilation", "groups", "bias"), CONV)
def test_conv2d(stride, padding, dilation, groups, bias):
    x, w, b = normal(2, 4, 7, 8), normal(6, 4 // groups, 3, 2), normal(6)

    def conv(t, x, w, *b):
        return t.nn.functional.conv2d(x, w, *(b or [None]), stride, padding, dilation, groups)

    compare(conv, x, w, *([b] if bias else []))


CONV_SHAPES = [
    ((2, 3, 5, 5), (4, 3, 1, 1), {}),
    ((2, 3, 5, 5), (4, 3, 5, 5), {}),
    ((1, 1, 3, 9), (2, 1, 3, 1), {"stride": (1, 4)}),
    ((3, 6, 6, 6), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    ((3, 2, 6, 6), (8, 1, 3, 3), {"groups": 2, "padding": 1, "stride": 2}),
    ((2, 2, 9, 9), (3, 2, 2, 2), {"stride": 4}),
    ((0, 3, 5, 5), (4, 3, 3, 3), {}),
    ((3, 5, 5), (4, 3, 3, 3), {"padding": 1}),
    ((2, 1, 1, 1), (1, 1, 3, 3), {"padding": 1}),
    ((17, 3, 6, 6), (5, 3, 3, 3), {"padding": 1}),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("x", "w", "options"), CONV_SHAPES, ids=str)
def test_conv2d_shapes(x, w, options, dtype):
    compare(lambda t, x, w: t.nn.functional.conv2d(x, w, **options), normal(*x, dtype=dtype), normal(*w, dtype=dtype))


def test_conv2d_of_memory_in_other_orders():
    x, w = normal(2, 5, 6, 3), normal(2, 3, 2, 4)
    compare(lambda t, x, w: t.nn.functional.conv2d(x.permute(0, 3, 1, 2), w.permute(0, 1, 3, 2)), x, w)
    compare(
        lambda t, x, w: t.nn.functional.conv2d(x[::2, :3, ::2].permute(3, 0, 1, 2)[:, :1], w[:, :1]),
        normal(3, 4, 9, 7),
        w,
    )
    compare(lambda t, x, w: t.nn.functional.conv2d(x.expand(3, 3, 5, 5), w), normal(1, 1, 5, 5), w)


@pytest.mark.parametrize("shape", [(3, 4), (4,), (2, 5, 4), (0, 4)], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_linear(shape, dtype):
    x, w, b = normal(*shape, dtype=dtype), normal(3, 4, dtype=dtype), normal(3, dtype=dtype)
    compare(lambda t, x, w, b: t.nn.functional.linear(x, w, b), x, w, b)
    compare(lambda t, x, w: t.nn.functional.linear(x, w), x, w)


# -- pooling -----------------------------------------------------------------------------------------------------------

AVERAGE = list(product((2, 3, (3, 2)), (None, 1, 3, (2, 1)), (0, 1), (False, True), (True, False), (None, 5)))


@pytest.mark.parametrize(("kernel", "stride", "padding", "ceil_mode", "count_include_pad", "divisor"), AVERAGE)
def test_avg_pool2d(kernel, stride, padding, ceil_mode, count_include_pad, divisor):
    options = (kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    compare(lambda t, x: t.nn.functional.avg_pool2d(x, *options), normal(2, 2, 7, 8))


MAXIMUM = list(product((2, 3, (3, 2)), (None, 1, 3, (2, 1)), (0, 1), (1, 2, (2, 1)), (False, True)))


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "ceil_mode"), MAXIMUM)
def test_max_pool2d(kernel, stride, padding, dilation, ceil_mode):
    options = (kernel, stride, padding, dilation, ceil_mode)
    x = normal(2, 2, 7, 8)
    compare(lambda t, x: t.nn.functional.max_pool2d(x, *options, return_indices=True), x)
    compare(lambda t, x: t.nn.functional.max_pool2d(x, *options), x.round())  # with ties


@pytest.mark.parametrize("size", [1, 2, 5, (3, 2), (None, 3), (4, None), 9])
def test_adaptive_pooling(size):
    x = normal(2, 3, 5, 7)
    compare(lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, size), x)
    compare(lambda t, x: t.nn.functional.adaptive_max_pool2d(x, size, return_indices=True), x)
    compare(lambda t, x: t.nn.functional.adaptive_max_pool2d(x, size), x.round())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(3, 6, 6), (0, 2, 4, 4), (1, 1, 2, 2), (33, 2, 4, 4)], ids=str)
def test_pooling_shapes(shape, dtype):
    x = normal(*shape, dtype=dtype)
    for name in ("max_pool2d", "avg_pool2d"):
        compare(lambda t, x, name=name: getattr(t.nn.functional, name)(x, 2), x)
        compare(lambda t, x, name=name: getattr(t.nn.functional, name)(x.transpose(-1, -2), 2, 1), x)
    compare(lambda t, x: t.nn.functional.adaptive_avg_pool2d(x, 2), x)


def test_pooling_of_infinities_and_nan():
    x = normal(1, 1, 4, 4)
    x[0, 0, 0] = -np.inf
    compare(lambda t, x: t.nn.functional.max_pool2d(x, 2, return_indices=True), x)
    x[0, 0, 1, 1] = np.nan
    compare(lambda t, x: t.nn.functional.max_pool2d(x.detach(), 3, 1), x)
    compare(lambda t, x: t.nn.functional.avg_pool2d(x.detach(), 2), x)


# -- fold, pad ---------------------------------------------------------------------------------------------------------

WINDOWS = list(product((2, (3, 2)), (1, (2, 1)), (0, (1, 2)), (1, 2)))


@pytest.mark.parametrize(("kernel", "dilation", "padding", "stride"), WINDOWS)
def test_unfold_and_fold(kernel, dilation, padding, stride):
    options = (kernel, dilation, padding, stride)
    x = normal(2, 3, 6, 7)
    compare(lambda t, x: t.nn.functional.unfold(x, *options), x)
    columns = torch.nn.functional.unfold(torch.tensor(x), *options).shape
    compare(lambda t, c: t.nn.functional.fold(c, (6, 7), *options), normal(*columns))


PADS = [
    ("constant", (1, 2), 0.0),
    ("constant", (1, 2, 0, 3), 1.5),
    ("constant", (-1, 2, 1, -2), 0.5),
    ("constant", (0, 0, -1, -1, 1, 0), 2.0),
    ("reflect", (1, 2), None),
    ("reflect", (2, 1, 3, 0), None),
    ("replicate", (1, 2, 3, 4), None),
    ("replicate", (2, 0), None),
    ("circular", (1, 2, 2, 0), None),
    ("circular", (4, 5), None),
    ("reflect", (-1, 2, 1, -1), None),
    ("replicate", (-1, 2, 1, -2), None),
    ("circular", (-1, 2, 1, -2), None),
]


@pytest.mark.parametrize(("mode", "widths", "value"), PADS, ids=str)
def test_pad(mode, widths, value):
    x = normal(2, 3, 4, 5) if len(widths) != 2 or mode == "constant" else normal(2, 3, 5)
    compare(lambda t, x: t.nn.functional.pad(x, widths, mode, value), x)


# -- normalisation -----------------------------------------------------------------------------------------------------

NORMS = list(product([(4, 3), (4, 3, 5), (3, 3, 2, 4)], (True, False), (True, False), (True, False), (0.1, 1.0)))


@pytest.mark.parametrize(("shape", "training", "affine", "running", "momentum"), NORMS)
def test_batch_norm(shape, training, affine, running, momentum):
    if not training and not running:
        return
    x, w, b = normal(*shape), normal(3), normal(3)
    statistics = {}

    def batch_norm(t, x, *affine):
        statistics[t] = [t.tensor([0.1, -0.2, 0.3], dtype=t.float64), t.tensor([1.0, 2.0, 0.5], dtype=t.float64)]
        mean, var = statistics[t] if running else (None, None)
        return t.nn.functional.batch_norm(x, mean, var, *(affine or (None, None)), training, momentum, 1e-3)

    compare(batch_norm, x, *((w, b) if affine else ()))
    for ours, theirs in zip(statistics[mt], statistics[torch]):
        np.testing.assert_allclose(values(ours), values(theirs), rtol=1e-12)


def test_batch_norm_float32():
    compare(
        lambda t, x, w, b: t.nn.functional.batch_norm(x, t.zeros(4), t.ones(4), w, b, True),
        normal(8, 4, 3, 3, dtype=np.float32) * 3 + 5, normal(4, dtype=np.float32), normal(4, dtype=np.float32),
    )  # fmt: skip


def test_dropout():
    x = normal(50, 20)
    compare(lambda t, x: t.nn.functional.dropout(x, 0.4, training=False), x)
    compare(lambda t, x: t.nn.functional.dropout(x, 0.0), x)
    compare(lambda t, x: t.nn.functional.dropout(x, 1.0), x)
    kept = mt.nn.functional.dropout(mt.ones(5000), 0.3)
    assert set(np.unique(values(kept)).round(5).tolist()) == {0.0, np.float32(1 / 0.7).round(5).item()}
    assert abs((kept > 0).float().mean().item() - 0.7) < 0.03


# -- losses ------------------------------------------------------------------------------------------------------------

REDUCTIONS = ("mean", "sum", "none")
SHAPES = [((5, 4), (5,)), ((3, 4, 2), (3, 2)), ((2, 4, 3, 2), (2, 3, 2)), ((4,), ())]
CLASSES = list(product(SHAPES, REDUCTIONS, (True, False), (-100, 1), (0.0, 0.2)))


@pytest.mark.parametrize(("shapes", "reduction", "weighted", "ignored", "smoothing"), CLASSES)
def test_cross_entropy(shapes, reduction, weighted, ignored, smoothing):
    x = normal(*shapes[0])
    labels = np.asarray(np.random.default_rng(3).integers(0, 4, shapes[1]))
    weight = np.array([0.5, 1.0, 2.0, 0.1]) if weighted else None

    def cross_entropy(t, x):
        w = None if weight is None else t.tensor(weight)
        return t.nn.functional.cross_entropy(
            x, t.tensor(labels), w, ignore_index=ignored, reduction=reduction, label_smoothing=smoothing
        )

    def nll_loss(t, x):
        w = None if weight is None else t.tensor(weight)
        dim = 1 if x.ndim > 1 else 0
        return t.nn.functional.nll_loss(
            t.log_softmax(x, dim), t.tensor(labels), w, ignore_index=ignored, reduction=reduction
        )

    compare(cross_entropy, x)
    compare(nll_loss, x)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [(5, 4), (2, 4, 3), (4,)], ids=str)
def test_cross_entropy_with_probabilities(shape, smoothing, reduction):
    target = np.abs(normal(*shape))
    axis = 1 if len(shape) > 1 else 0
    target /= target.sum(axis, keepdims=True)
    weight = np.array([0.5, 1.0, 2.0, 0.1])

    def loss(t, x):
        return t.nn.functional.cross_entropy(
            x, t.tensor(target), t.tensor(weight), reduction=reduction, label_smoothing=smoothing
        )

    compare(loss, normal(*shape))


def test_cross_entropy_of_large_logits_and_where_all_is_ignored():
    compare(lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 1])), normal(2, 3) * 1000)
    compare(lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([-100, -100])), normal(2, 3))
    compare(lambda t, x: t.nn.functional.cross_entropy(x, t.tensor([0, 2, 1, 1])), normal(4, 3, dtype=np.float32) * 10)


LOSSES = {
    "mse_loss": lambda F, x, y, **o: F.mse_loss(x, y, **o),
    "l1_loss": lambda F, x, y, **o: F.l1_loss(x, y, **o),
    "smooth_l1_loss": lambda F, x, y, **o: F.smooth_l1_loss(x, y, **o),
    "smooth_l1_loss_beta": lambda F, x, y, **o: F.smooth_l1_loss(x, y, beta=0.4, **o),
    "smooth_l1_loss_zero": lambda F, x, y, **o: F.smooth_l1_loss(x, y, beta=0.0, **o),
    "huber_loss": lambda F, x, y, **o: F.huber_loss(x, y, delta=0.6, **o),
    "kl_div": lambda F, x, y, **o: F.kl_div(x, y.softmax(-1), **o),
    "kl_div_log": lambda F, x, y, **o: F.kl_div(x, y.log_softmax(-1), log_target=True, **o),
    "binary_cross_entropy": lambda F, x, y, **o: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), **o),
    "binary_cross_entropy_with_logits": lambda F, x, y, **o: F.binary_cross_entropy_with_logits(x, y.sigmoid(), **o),
}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction):
    for dtype in (np.float64, np.float32):
        x, y = normal(3, 4, dtype=dtype), normal(3, 4, dtype=dtype)
        compare(lambda t, x, y: LOSSES[name](t.nn.functional, x, y, reduction=reduction), x, y)


def test_weighted_binary_cross_entropy():
    w, p = np.abs(normal(3, 4)), np.abs(normal(4))
    for reduction in REDUCTIONS:
        compare(
            lambda t, x, y, r=reduction: t.nn.functional.binary_cross_entropy(
                x.sigmoid(), y.sigmoid().detach(), weight=t.tensor(w), reduction=r
            ),
            normal(3, 4), normal(3, 4),
        )  # fmt: skip
        compare(
            lambda t, x, y, r=reduction: t.nn.functional.binary_cross_entropy_with_logits(
                x * 30, y.sigmoid().detach(), weight=t.tensor(w), pos_weight=t.tensor(p), reduction=r
            ),
            normal(3, 4), normal(3, 4),
        )  # fmt: skip


def test_binary_cross_entropy_at_zero_and_one():
    ends = np.array([0.0, 1.0, 0.0, 1.0])
    targets = [0.0, 1.0, 1.0, 0.0]
    # PyTorch divides by a smallest product of float32(1e-12), which is 4e-9 off.
    loss = lambda t, x: t.nn.functional.binary_cross_entropy(x, t.tensor(targets, dtype=t.float64))  # noqa: E731
    compare(loss, ends, rtol=1e-8)


def test_kl_div_batchmean():
    compare(lambda t, x, y: t.nn.functional.kl_div(x, y.softmax(1), reduction="batchmean"), normal(3, 4), normal(3, 4))


def test_distances():
    x, y = normal(3, 4), normal(3, 4)
    compare(lambda t, x: t.nn.functional.normalize(x), x)
    compare(lambda t, x: t.nn.functional.normalize(x, p=1, dim=0), x)
    compare(lambda t, x, y: t.nn.functional.cosine_similarity(x, y), x, y)
    compare(lambda t, x, y: t.nn.functional.cosine_similarity(x, y, dim=0), x, y)
    compare(lambda t, x, y: t.nn.functional.pairwise_distance(x, y), x, y)
    compare(lambda t, x, y: t.nn.functional.pairwise_distance(x, y, p=1.0, keepdim=True), x, y)


def test_every_function_of_networks_is_compared():
    import inspect

    from . import test_norm_layers, test_ops, test_spatial_layers

    here = inspect.getmodule(test_every_function_of_networks_is_compared)
    text = "".join(inspect.getsource(module) for module in (here, test_norm_layers, test_ops, test_spatial_layers))
    assert [name for name in mt.nn.functional.__all__ if name not in text] == []
