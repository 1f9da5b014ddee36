"""Gradients at corners: equal values, zeros, ties, bounds, NaN, nothing that counts. Each has a value, and it is fixed.

Where a function has no slope the value is PyTorch's; tests/parity/test_corners.py compares.
"""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .op_table import table

INF, NAN = float("inf"), float("nan")


def check(function, x, y, dx, dtype=mt.float64):
    """`function(x)` is y, and its gradient dx under the weights 2, 3, 4, ... of its elements."""
    x = mt.tensor(x, dtype=dtype, requires_grad=True)
    result = function(x)
    np.testing.assert_allclose(result.detach().numpy(), y, rtol=1e-6 if dtype == mt.float32 else 1e-12)
    result.backward((mt.arange(result.numel()) + 2).reshape(result.shape).to(dtype))
    np.testing.assert_allclose(x.grad.numpy(), dx, rtol=1e-6 if dtype == mt.float32 else 1e-12)


EQUAL = [[3.0, 3, 3], [3, 3, 3]]
HALF = [[0.1, 0.1, 0.1], [1, 5, 3]]  # 0.1 has rounding errors in its mean; the other row has std 2, or √(8/3)
STD = table(
    ("all", lambda x: x.std(), EQUAL, 0, np.zeros((2, 3))),
    ("columns", lambda x: x.std(0), EQUAL, [0, 0, 0], np.zeros((2, 3))),
    ("tuple, keepdim", lambda x: x.std((0, 1), keepdim=True), EQUAL, [[0]], np.zeros((2, 3))),
    ("zeros", lambda x: x.std(1), [[0.0, -0.0], [0, 0]], [0, 0], np.zeros((2, 2))),
    ("one row of two", lambda x: x.std(1), HALF, [0, 2], [[0, 0, 0], [-1.5, 1.5, 0]]),
    ("keepdim", lambda x: x.std(-1, keepdim=True), HALF, [[0], [2]], [[0, 0, 0], [-1.5, 1.5, 0]]),
    ("biased", lambda x: x.std(1, unbiased=False), HALF, [0, (8 / 3) ** 0.5],
     [[0, 0, 0], [-2 / (8 / 3) ** 0.5, 2 / (8 / 3) ** 0.5, 0]]),
    ("correction 0 of one", lambda x: x.std(correction=0), [7.0], 0, [0]),
    ("one element", lambda x: x.std(), [7.0], NAN, [NAN]),
    ("var", lambda x: x.var(1), HALF, [0, 4], [[0, 0, 0], [-6, 6, 0]]),
    ("var of one element", lambda x: x.var(), [7.0], NAN, [NAN]),
)  # fmt: skip


@pytest.mark.parametrize("dtype", [mt.float64, mt.float32])
@pytest.mark.parametrize(("function", "x", "y", "dx"), STD)
def test_the_spread_of_equal_values(function, x, y, dx, dtype):
    check(function, x, y, dx, dtype)


TINY = 1e-200  # its square is 0
LENGTHS = table(
    ("norm", lambda x: x.norm(), [0.0, 0], 0, [0, 0]),
    ("norm of rows", lambda x: x.norm(2, 1), [[0.0, 0], [3, 4]], [0, 5], [[0, 0], [1.8, 2.4]]),
    ("norm, p = 3", lambda x: x.norm(3), [0.0, 0], 0, [0, 0]),
    ("norm, p = 1/2", lambda x: x.norm(0.5), [0.0, 4], 4, [0, 2]),
    ("norm of tiny numbers", lambda x: x.norm(), [TINY, TINY], 0, [0, 0]),
    ("norm of tiny numbers, p = 4", lambda x: x.norm(4), [TINY, -TINY], 0, [0, 0]),
    ("norm, p = 1", lambda x: x.norm(1), [0.0, -TINY], TINY, [0, -2]),
    ("largest", lambda x: x.norm(INF), [0.0, 0], 0, [0, 0]),
    ("normalize", lambda x: F.normalize(x), [[0.0, 0]], [[0, 0]], [[2e12, 3e12]]),
    ("normalize tiny numbers", lambda x: F.normalize(x), [[TINY, 0]], [[TINY * 1e12, 0]], [[2e12, 3e12]]),
    ("pairwise_distance", lambda x: F.pairwise_distance(x, x.detach(), eps=0), [[1.0, 2]], [0], [[0, 0]]),
    ("cosine_similarity", lambda x: F.cosine_similarity(x, mt.ones_like(x)), [[0.0, 0]], [0],
     [[2e8 / 2**0.5, 2e8 / 2**0.5]]),
)  # fmt: skip


@pytest.mark.parametrize(("function", "x", "y", "dx"), LENGTHS)
def test_lengths_at_zero(function, x, y, dx):
    check(function, x, y, dx)


POINTS = table(
    ("x ** 0", lambda x: x**0, [0.0, 2], [1, 1], [0, 0]),
    ("x ** 1", lambda x: x**1, [0.0, 2], [0, 2], [2, 3]),
    ("x ** 2", lambda x: x**2.0, [0.0, -2], [0, 4], [0, -12]),
    ("x ** 0.5", lambda x: x**0.5, [0.0, 4], [0, 2], [INF, 0.75]),
    ("0 ** x", lambda x: 0.0**x, [0.0, 2, -1], [1, 0, INF], [0, 0, -INF]),
    ("0 ** (0, 1)", lambda x: mt.zeros(2, dtype=mt.float64) ** x, [0.0, 1], [1, 0], [0, 0]),
    ("prod, one zero", lambda x: x.prod(1), [[0.0, 2, 3], [1, 2, 3]], [0, 6], [[12, 0, 0], [18, 9, 6]]),
    ("prod, two zeros", lambda x: x.prod(), [0.0, 2, 0], 0, [0, 0, 0]),
    ("abs", lambda x: x.abs(), [0.0, -0.0, -1], [0, 0, 1], [0, 0, -4]),
    ("sign", lambda x: x.sign(), [0.0, -3], [0, -1], [0, 0]),
    ("clamp", lambda x: x.clamp(-1, 1), [-1.0, 1, 2], [-1, 1, 1], [2, 3, 0]),
    ("hardtanh", lambda x: F.hardtanh(x), [-1.0, 1, 0.5, NAN], [-1, 1, 0.5, NAN], [0, 0, 4, 5]),
    ("relu6", lambda x: F.relu6(x), [0.0, 6, 3, NAN], [0, 6, 3, NAN], [0, 0, 4, 5]),
    ("relu", lambda x: F.relu(x), [0.0, -0.0], [0, 0], [0, 0]),
    ("elu, negative alpha", lambda x: F.elu(x, -0.5), [-1.0, 2], [0.5 - 0.5 / np.e, 2], [-1 / np.e, 3]),
    ("max, ties", lambda x: x.max(), [2.0, 1, 2], 2, [1, 0, 1]),
    ("max along an axis, ties", lambda x: x.max(0)[0], [2.0, 1, 2], 2, [2, 0, 0]),
    ("amin, ties", lambda x: x.amin(1), [[1.0, 1, 2]], [1], [[1, 1, 0]]),
    ("maximum, tie", lambda x: mt.maximum(x, mt.ones_like(x)), [1.0, 2, 0], [1, 2, 1], [1, 3, 0]),
    ("minimum, tie", lambda x: mt.minimum(mt.ones_like(x), x), [1.0, 2, 0], [1, 1, 0], [1, 0, 4]),
    ("maximum beside NaN", lambda x: mt.maximum(x, x.detach() * NAN), [1.0], [NAN], [2]),
    ("minimum of NaN", lambda x: mt.minimum(x, mt.ones_like(x)), [NAN], [NAN], [2]),
    ("softmax of -inf", lambda x: x.softmax(0), [-INF, 0], [0, 1], [0, 0]),
    ("softmax, all -inf", lambda x: x.softmax(0), [-INF, -INF], [NAN, NAN], [NAN, NAN]),
    ("log_softmax of -inf", lambda x: x.log_softmax(0), [-INF, 0], [-INF, 0], [2, -2]),
    ("logsumexp of -inf", lambda x: x.logsumexp(0), [-INF, 0], 0, [0, 2]),
    ("logsumexp, all -inf", lambda x: x.logsumexp(0), [-INF, -INF], -INF, [NAN, NAN]),
    ("std beside Inf", lambda x: x.std(), [1.0, INF], NAN, [NAN, NAN]),
    ("var with Inf", lambda x: x.var(), [INF, 1.0], NAN, [NAN, -INF]),
)  # fmt: skip


@pytest.mark.parametrize(("function", "x", "y", "dx"), POINTS)
def test_points_without_a_slope(function, x, y, dx):
    check(function, x, y, dx)


def test_a_lower_bound_of_infinity_takes_the_gradient():
    low = mt.tensor([INF, 0.0, 1.0], requires_grad=True)
    mt.clamp(mt.tensor([1.0, 1.0, 1.0]), min=low).backward(mt.tensor([2.0, 3.0, 4.0]))
    assert low.grad.tolist() == [2, 0, 0]


# -- losses ------------------------------------------------------------------------------------------------------------

LOGS = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
COUNTED = table(  # labels, weight, ignore_index, reduction, loss, gradient
    ("all ignored", [-100, -100], None, -100, "mean", NAN, np.zeros((2, 3))),
    ("all ignored, sum", [-100, -100], None, -100, "sum", 0, np.zeros((2, 3))),
    ("all ignored, none", [-100, -100], None, -100, "none", [0, 0], np.zeros((2, 3))),
    ("ignored by a class", [1, 1], None, 1, "mean", NAN, np.zeros((2, 3))),
    ("all ignored, with weights", [0, 0], [0.0, 1, 2], 0, "mean", NAN, np.zeros((2, 3))),
    ("one ignored", [-100, 2], None, -100, "mean", -np.log(0.75), [[0, 0, 0], [0, 0, -2]]),
    ("one ignored, weighted", [1, 2], [1.0, 5, 4], 1, "mean", -np.log(0.75), [[0, 0, 0], [0, 0, -2]]),
    ("one weighs nothing", [0, 2], [0.0, 1, 4], -100, "mean", -np.log(0.75), [[0, 0, 0], [0, 0, -2]]),
    ("none weighs anything", [0, -100], [0.0, 1, 1], -100, "mean", NAN, [[NAN, 0, 0], [0, 0, 0]]),
    ("a mark above the classes", [7, 2], [1.0, 1, 3], 7, "mean", -np.log(0.75), [[0, 0, 0], [0, 0, -2]]),
)


@pytest.mark.parametrize(("labels", "weight", "ignored", "reduction", "loss", "dx"), COUNTED)
def test_negative_log_likelihood_where_little_counts(labels, weight, ignored, reduction, loss, dx):
    weight = None if weight is None else mt.tensor(weight, dtype=mt.float64)
    check(lambda x: F.nll_loss(x, mt.tensor(labels), weight, None, ignored, None, reduction), LOGS, loss, dx)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 2)], ids=str)
@pytest.mark.parametrize("loss", [F.nll_loss, F.cross_entropy])
def test_all_ignored_in_other_shapes(loss, shape):
    labels = mt.full((*shape[:1], *shape[2:]) if len(shape) > 1 else (), -100)
    check(lambda x: loss(x, labels), np.zeros(shape), NAN, np.zeros(shape))


@pytest.mark.parametrize(("reduction", "value"), [("mean", NAN), ("sum", 0), ("none", [])])
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy", "mse_loss", "huber_loss", "kl_div"])
def test_an_empty_batch(name, reduction, value):
    labelled = name in ("nll_loss", "cross_entropy")
    shape, target = ((0, 3), mt.zeros(0, dtype=mt.int64)) if labelled else ((0,), mt.zeros(0, dtype=mt.float64))
    check(lambda x: getattr(F, name)(x, target, reduction=reduction), np.zeros(shape), value, np.zeros(shape))


CORNERS = table(
    ("huber, at δ", lambda x, t: F.huber_loss(x, t, "none", 1.0), [1.0, -1], [0.0, 0], [0.5, 0.5], [2, -3]),
    ("smooth_l1, at β", lambda x, t: F.smooth_l1_loss(x, t, beta=2.0, reduction="none"), [2.0], [0.0], [1], [2]),
    ("l1, equal", lambda x, t: F.l1_loss(x, t, reduction="none"), [3.0], [3.0], [0], [0]),
    ("bce, right", lambda x, t: F.binary_cross_entropy(x, t, reduction="none"), [0.0, 1], [0.0, 1], [0, 0], [0, 0]),
    ("bce, wrong", lambda x, t: F.binary_cross_entropy(x, t, reduction="none"), [0.0, 1], [1.0, 0], [100, 100],
     [-2e12, 3e12]),
    ("kl_div, t = 0", lambda x, t: F.kl_div(x, t, reduction="none"), [-1.0, -2], [0.0, 1], [0, 2], [0, -3]),
)  # fmt: skip


@pytest.mark.parametrize(("function", "x", "target", "y", "dx"), CORNERS)
def test_losses_at_their_corners(function, x, target, y, dx):
    check(lambda x: function(x, mt.tensor(target, dtype=mt.float64)), x, y, dx)


@pytest.mark.parametrize("target", [-0.5, 2.0, NAN])
def test_a_target_that_is_no_probability_is_refused(target):
    with pytest.raises(RuntimeError, match=rf"target has values from {target} to {target} but must be probabilities"):
        F.binary_cross_entropy(mt.tensor([0.5]), mt.tensor([target]))


@pytest.mark.parametrize("shapes", [((2, 3), (0, 3)), ((0, 3), (4, 3)), ((2, 0), (4, 0)), ((0, 3), (0, 3))], ids=str)
def test_a_linear_map_of_nothing(shapes):
    x, w = (mt.ones(*shape, requires_grad=True) for shape in shapes)
    y = F.linear(x, w)
    assert (y.shape, y.sum().item()) == ((shapes[0][0], shapes[1][0]), 0)
    y.sum().backward()
    assert (x.grad.shape, w.grad.shape) == shapes
    assert not x.grad.any()
    assert not w.grad.any()


@pytest.mark.parametrize("name", ["sort", "argsort", "max", "min", "argmax", "argmin"])
def test_an_axis_that_a_number_has_not(name):
    with pytest.raises(IndexError, match=r"dim 1"):
        getattr(mt.tensor(3.0), name)(1)
