"""Softmax and cross-entropy against formulas written with Python numbers, and against differences."""

import math
import os

import numpy as np
import pytest

from minitorch_kernels import use
from minitorch_kernels.cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad

pytestmark = pytest.mark.parametrize("implementation", ["reference", "cpu"])


@pytest.fixture(autouse=True)
def chosen(implementation):
    """Run the kernels of each test on one implementation."""
    with use(implementation):
        yield


def loss_by_hand(row, y, w, smoothing):
    """-Σ_k q_k w_k log softmax(row)_k, where the target q is the label blended with the uniform distribution."""
    total = math.fsum(math.exp(value) for value in row)
    target = [(1 - smoothing) * (k == y) + smoothing / len(row) for k in range(len(row))]
    return -math.fsum(q * c * math.log(math.exp(value) / total) for q, c, value in zip(target, w, row))


OPTIONS = pytest.mark.parametrize(
    ("weight", "smoothing"), [(None, 0.0), ([0.5, 1.0, 2.0], 0.0), (None, 0.2), ([0.5, 1.0, 2.0], 0.2), (None, 1.0)]
)


@OPTIONS
def test_losses_by_hand(rng, weight, smoothing):
    logits, target = rng.standard_normal((4, 3)), np.array([2, 0, 1, 2])
    w = None if weight is None else np.array(weight)
    losses, sample_weights, p = softmax_cross_entropy(logits, target, w, -100, smoothing)
    weights = weight or [1.0, 1.0, 1.0]
    expected = [loss_by_hand(row, y, weights, smoothing) for row, y in zip(logits.tolist(), target.tolist())]
    np.testing.assert_allclose(losses, expected, rtol=1e-13)
    np.testing.assert_array_equal(sample_weights, [weights[y] for y in target])
    np.testing.assert_allclose(p, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-13)


@OPTIONS
def test_gradient_is_the_slope_of_the_losses(rng, weight, smoothing):
    logits, target, dlosses = rng.standard_normal((4, 3)), np.array([2, 0, 1, 0]), rng.standard_normal(4)
    rest = (target, None if weight is None else np.array(weight), 1, smoothing)
    dlogits = softmax_cross_entropy_grad(dlosses, softmax_cross_entropy(logits, *rest)[2], *rest)
    step = 1e-5
    for index in np.ndindex(logits.shape):
        nudge = np.zeros_like(logits)
        nudge[index] = step
        up, down = (softmax_cross_entropy(logits + sign * nudge, *rest)[0] for sign in (1, -1))
        slope = (dlosses * (up - down)).sum() / (2 * step)
        assert dlogits[index] == pytest.approx(slope, abs=1e-9)


def test_ignored_samples_count_for_nothing(rng):
    logits, target = rng.standard_normal((3, 4)), np.array([1, -100, 3])
    losses, sample_weights, p = softmax_cross_entropy(logits, target, np.full(4, 2.0), -100, 0.1)
    assert losses[1] == 0
    assert sample_weights.tolist() == [2, 0, 2]
    dlogits = softmax_cross_entropy_grad(np.array([1, np.inf, 1]), p, target, np.full(4, 2.0), -100, 0.0)
    assert dlogits[1].tolist() == [0, 0, 0, 0]
    kept = softmax_cross_entropy(logits[[0, 2]], target[[0, 2]], np.full(4, 2.0), -100, 0.1)[0]
    np.testing.assert_array_equal(losses[[0, 2]], kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_do_not_overflow(dtype):
    logits = np.array([[1000.0, 0.0], [-1000.0, -3000.0]], dtype)
    losses, _, p = softmax_cross_entropy(logits, np.array([1, 0]), None, -100, 0.0)
    assert losses.tolist() == [1000, 0]
    assert p.tolist() == [[1, 0], [1, 0]]


def test_a_forbidden_class_has_no_probability():
    logits = np.array([[0.0, -np.inf, 0.0]] * 2)
    losses, _, p = softmax_cross_entropy(logits, np.array([0, 1]), None, -100, 0.0)
    np.testing.assert_allclose(losses, [math.log(2), np.inf])
    dlogits = softmax_cross_entropy_grad(np.ones(2), p, np.array([0, 1]), None, -100, 0.0)
    np.testing.assert_allclose(dlogits, [[-0.5, 0, 0.5], [0.5, -1, 0.5]])


@pytest.mark.parametrize("poisoned", [[np.nan, 0.0], [np.inf, 0.0], [-np.inf, -np.inf]])
def test_undefined_softmax_is_nan_in_its_row_only(poisoned):
    with np.errstate(invalid="ignore"):
        losses, _, p = softmax_cross_entropy(np.array([poisoned, [0.0, 0.0]]), np.array([1, 1]), None, -100, 0.0)
    np.testing.assert_allclose(losses, [np.nan, math.log(2)])
    np.testing.assert_array_equal(p, [[np.nan, np.nan], [0.5, 0.5]])


@pytest.mark.parametrize(("label", "dtype"), [(10, np.int64), (-1, np.int8), (255, np.uint8)])
def test_label_out_of_range(label, dtype):
    target = np.array([0, 9, 3, label, label], dtype)
    message = (
        f"cross_entropy: target {label} at position 3 is out of range for 10 classes (0..9); "
        "correct the label or mark it to be ignored with ignore_index (-100)"
    )
    with pytest.raises(ValueError, match="cross_entropy") as error:
        softmax_cross_entropy(np.zeros((5, 10)), target, None, -100, 0.0)
    assert str(error.value) == message
    losses, *_ = softmax_cross_entropy(np.zeros((5, 10)), target, None, label, 0.0)
    assert losses[3:].tolist() == [0, 0]


@pytest.mark.parametrize("target", [np.zeros(4, int), np.zeros((5, 1), int), np.zeros(5)])
def test_target_of_another_form(target):
    with pytest.raises(ValueError, match=r"cross_entropy: target is \w+ of shape .* need one integer class index"):
        softmax_cross_entropy(np.zeros((5, 10)), target, None, -100, 0.0)


def test_weight_of_another_length():
    with pytest.raises(ValueError, match=r"cross_entropy: weight has shape \(9,\) but 10 classes need shape \(10,\)"):
        softmax_cross_entropy(np.zeros((5, 10)), np.zeros(5, int), np.ones(9), -100, 0.0)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="too slow in pure Python")
def test_float32_keeps_its_accuracy_over_many_classes(rng):
    logits, target = rng.standard_normal((3, 5000)), np.array([0, 17, 4999])
    exact = softmax_cross_entropy(logits, target, None, -100, 0.1)
    for got, want in zip(softmax_cross_entropy(logits.astype(np.float32), target, None, -100, 0.1), exact):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=1e-5)
