import math
import warnings

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, distinct


def huber(z, delta):
    return z * z / 2 if abs(z) < delta else delta * (abs(z) - delta / 2)


def binary(x, t):
    return -t * math.log(x) - (1 - t) * math.log(1 - x)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


NUMBERS = [
    (F.mse_loss, lambda x, t: (x - t) ** 2),
    (F.l1_loss, lambda x, t: abs(x - t)),
    (F.smooth_l1_loss, lambda x, t: huber(x - t, 1)),
    (lambda x, t, **o: F.smooth_l1_loss(x, t, beta=0.25, **o), lambda x, t: huber(x - t, 0.25) / 0.25),
    (lambda x, t, **o: F.smooth_l1_loss(x, t, beta=0, **o), lambda x, t: abs(x - t)),
    (F.huber_loss, lambda x, t: huber(x - t, 1)),
    (lambda x, t, **o: F.huber_loss(x, t, delta=0.25, **o), lambda x, t: huber(x - t, 0.25)),
    (lambda x, t, **o: F.kl_div(x, t, log_target=True, **o), lambda x, t: math.exp(t) * (t - x)),
    (F.binary_cross_entropy_with_logits, lambda x, t: binary(sigmoid(x), t)),
]
CHANCES = [
    (F.binary_cross_entropy, binary),
    (F.kl_div, lambda x, t: t * (math.log(t) - x)),
]


def numbers(rng):
    """x and t whose differences lie away from the kinks at 0, 0.25 and 1."""
    difference = distinct(rng, 3, 4) * 2 + 0.03
    t = rng.normal(size=(3, 4))
    return t + difference, t


def chances(rng):
    return rng.uniform(0.1, 0.9, (3, 4)), rng.uniform(0.1, 0.9, (3, 4))


CASES = [(*case, numbers) for case in NUMBERS] + [(*case, chances) for case in CHANCES]


@pytest.mark.parametrize(("loss", "equation", "values"), CASES)
def test_equation_and_reductions(rng, loss, equation, values):
    x, t = values(rng)
    each = np.vectorize(equation)(x, t)
    for reduction, expected in [("none", each), ("sum", each.sum()), ("mean", each.mean())]:
        y = loss(mt.tensor(x), mt.tensor(t), reduction=reduction)
        np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, err_msg=reduction)
    assert loss(mt.tensor(x), mt.tensor(t)).item() == pytest.approx(each.mean())


@pytest.mark.parametrize(("loss", "equation", "values"), CASES)
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_gradients_to_both(rng, loss, equation, values, reduction):
    assert_gradients(lambda x, t: loss(x, t, reduction=reduction), *values(rng))


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss])
def test_other_shapes_are_broadcast_with_a_warning(rng, loss):
    x, t = rng.normal(size=(3, 1)), rng.normal(size=3) + 9
    text = r"_loss: x has shape \(3, 1\) but target has \(3,\); they are broadcast, which is seldom meant; reshape one"
    with pytest.warns(UserWarning, match=text):
        y = loss(mt.tensor(x), mt.tensor(t), reduction="none")
    assert y.shape == (3, 3)
    with warnings.catch_warnings(action="ignore"):
        assert_gradients(loss, x, t)


def test_slope_of_l1_is_0_where_both_agree():
    x = mt.tensor([1.0, 2.0], requires_grad=True)
    F.l1_loss(x, mt.tensor([1.0, 0.0]), reduction="sum").backward()
    assert x.grad.tolist() == [0, 1]


def test_integer_targets_are_converted():
    x = mt.tensor([0.5, 2.0], requires_grad=True)
    y = F.mse_loss(x, mt.tensor([0, 1]))
    y.backward()
    assert (y.item(), y.dtype, x.grad.tolist()) == (0.625, mt.float32, [0.5, 1])


def test_binary_cross_entropy_at_0_and_1_is_at_most_100():
    x, t = mt.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True), mt.tensor([1.0, 0.0, 0.0, 1.0])
    y = F.binary_cross_entropy(x, t, reduction="none")
    y.sum().backward()
    assert y.tolist() == [100, 100, 0, 0]
    np.testing.assert_allclose(x.grad.numpy(), [-1e12, 1e12, 0, 0], rtol=1e-6)


def test_binary_losses_weigh_elements(rng):
    (x, t), w = chances(rng), rng.random((3, 4))
    each = np.vectorize(binary)(x, t) * w
    y = F.binary_cross_entropy(*map(mt.tensor, (x, t, w)))
    assert y.item() == pytest.approx(each.mean())
    scores = np.log(x / (1 - x))
    y = F.binary_cross_entropy_with_logits(*map(mt.tensor, (scores, t, w)), reduction="sum")
    assert y.item() == pytest.approx(each.sum())


def test_pos_weight_weighs_the_positive_part(rng):
    x, t, v = rng.normal(size=(3, 4)), rng.random((3, 4)), rng.random(4) + 0.5
    expected = [
        -v[j] * t[i, j] * math.log(sigmoid(x[i, j])) - (1 - t[i, j]) * math.log(1 - sigmoid(x[i, j]))
        for i, j in np.ndindex(3, 4)
    ]
    y = F.binary_cross_entropy_with_logits(mt.tensor(x), mt.tensor(t), pos_weight=mt.tensor(v))
    assert y.item() == pytest.approx(np.mean(expected))
    assert_gradients(lambda x, t, v: F.binary_cross_entropy_with_logits(x, t, pos_weight=v), x, t, v)


def test_large_scores_do_not_overflow():
    x = mt.tensor([1000.0, -1000.0, 1000.0], requires_grad=True)
    y = F.binary_cross_entropy_with_logits(x, mt.tensor([1.0, 1.0, 0.0]), reduction="none")
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([0, 1000, 1000], [0, -1, 1])


def test_divergence_of_a_batch(rng):
    x, t = rng.normal(size=(4, 3)), rng.random((4, 3))
    t[0, 0] = 0
    expected = sum(t[i] * (math.log(t[i]) - x[i]) for i in np.ndindex(4, 3) if t[i] > 0) / 4
    assert F.kl_div(mt.tensor(x), mt.tensor(t), reduction="batchmean").item() == pytest.approx(expected)


FLAGS = [((None, None), "mean"), ((True, None), "mean"), ((None, True), "mean"), ((False, None), "sum")]


@pytest.mark.parametrize(("flags", "reduction"), [*FLAGS, ((None, False), "none"), ((True, False), "none")])
def test_the_older_flags_choose_the_reduction(flags, reduction):
    x, t = mt.tensor([1.0, 2.0]), mt.tensor([0.0, 0.0])
    assert F.mse_loss(x, t, *flags).tolist() == F.mse_loss(x, t, reduction=reduction).tolist()


LOSSES = [
    F.mse_loss,
    F.l1_loss,
    F.smooth_l1_loss,
    F.huber_loss,
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    F.nll_loss,
]


@pytest.mark.parametrize("loss", LOSSES)
def test_unknown_reductions_are_refused(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__}: reduction='avg'; choose 'none', 'mean', 'sum'"):
        loss(mt.ones(2), mt.ones(2), reduction="avg")


def test_unknown_reduction_of_kl_div_is_refused():
    with pytest.raises(ValueError, match="kl_div: reduction='avg'; choose 'none', 'mean', 'sum', 'batchmean'"):
        F.kl_div(mt.ones(2), mt.ones(2), reduction="avg")


REFUSED = [
    (
        lambda: F.smooth_l1_loss(mt.ones(2), mt.ones(2), beta=-1.0),
        RuntimeError,
        "smooth_l1_loss: beta=-1.0 must not be neg",
    ),
    (lambda: F.huber_loss(mt.ones(2), mt.ones(2), delta=0), RuntimeError, "huber_loss: delta=0 must be positive"),
    (
        lambda: F.binary_cross_entropy(mt.tensor([0.5, 1.5]), mt.ones(2)),
        RuntimeError,
        r"x has values from 0.5 to 1.5 but must be probabilities, from 0 to 1; apply sigmoid\(\), or use binary_cr",
    ),
    (
        lambda: F.binary_cross_entropy(mt.ones(2), mt.ones(1, 2)),
        ValueError,
        r"binary_cross_entropy: target has shape \(1, 2\) but must have that of x, \(2,\); reshape it",
    ),
    (
        lambda: F.binary_cross_entropy_with_logits(mt.ones(2, 1), mt.ones(2)),
        ValueError,
        r"target has shape \(2,\) but must",
    ),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED)
def test_what_does_not_fit_is_refused(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_nan_is_no_probability():
    with pytest.raises(RuntimeError, match="values from nan to nan"):
        F.binary_cross_entropy(mt.tensor([float("nan"), 0.5]), mt.ones(2))
