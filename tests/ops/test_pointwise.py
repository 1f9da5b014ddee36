"""Functions of one operand, and clamp."""

import math

import numpy as np
import pytest

import minitorch_cv as mt

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((3, 4)) * 1.5
POSITIVE = np.abs(X) + 0.3

EVERYWHERE = table(
    ("neg", mt.neg, np.negative),
    ("exp", mt.exp, np.exp),
    ("expm1", mt.expm1, np.expm1),
    ("square", mt.square, np.square),
    ("abs", mt.abs, np.abs),
    ("sin", mt.sin, np.sin),
    ("cos", mt.cos, np.cos),
    ("tan", lambda x: mt.tan(x / 2), lambda x: np.tan(x / 2)),
    ("tanh", mt.tanh, np.tanh),
    ("sign", mt.sign, np.sign),
    ("floor", mt.floor, np.floor),
    ("ceil", mt.ceil, np.ceil),
    ("round", mt.round, np.round),
    ("round_decimals", lambda x: mt.round(x, decimals=1), lambda x: np.round(x, 1)),
    ("erf", mt.erf, np.vectorize(math.erf)),
)
POSITIVE_ONLY = table(
    ("log", mt.log, np.log),
    ("log1p", mt.log1p, np.log1p),
    ("log2", mt.log2, np.log2),
    ("log10", mt.log10, np.log10),
    ("sqrt", mt.sqrt, np.sqrt),
    ("rsqrt", mt.rsqrt, lambda x: 1 / np.sqrt(x)),
    ("reciprocal", mt.reciprocal, lambda x: 1 / x),
)


@pytest.mark.parametrize(("op", "reference"), EVERYWHERE)
def test_one_operand(op, reference):
    check_op(op, reference, X)
    check_op(op, reference, np.array(0.7))
    check_op(op, reference, X[:, ::2])


@pytest.mark.parametrize(("op", "reference"), POSITIVE_ONLY)
def test_one_positive_operand(op, reference):
    check_op(op, reference, POSITIVE)


def test_operators_of_one_operand():
    check_op(lambda x: -x, np.negative, X)
    check_op(lambda x: +x * 1, lambda x: x, X)
    check_op(abs, np.abs, X)


def test_integers_become_the_default_floating_type():
    for function in (mt.exp, mt.sqrt, mt.sin, mt.tanh, mt.erf, mt.reciprocal):
        assert function(mt.tensor([1, 2])).dtype == mt.float32
    assert mt.square(mt.tensor([3])).dtype == mt.int64


def test_slopes_at_special_points_come_without_a_warning():
    x = mt.zeros(1, requires_grad=True)
    mt.abs(x).backward()
    assert x.grad.item() == 0
    for function, slope in ((mt.sqrt, np.inf), (mt.log, np.inf), (mt.rsqrt, -np.inf)):
        x.grad = None
        function(x).backward()
        assert x.grad.item() == slope


CLAMPS = table(
    ("both", {"min": -0.5, "max": 0.5}),
    ("min", {"min": -0.5}),
    ("max", {"max": 0.25}),
    ("crossed", {"min": 0.5, "max": -0.5}),
)


@pytest.mark.parametrize("limits", CLAMPS)
def test_clamp_to_numbers(limits):
    check_op(lambda x: x.clamp(**limits), lambda x: np.clip(x, limits.get("min"), limits.get("max")), X)


def test_clamp_to_tensors_gives_the_limits_their_gradient():
    low, high = X[0] - 0.4, X[1][:1] + 0.6
    check_op(lambda x, a, b: x.clamp(a, b), lambda x, a, b: np.minimum(np.maximum(x, a), b), X, low, high)
    check_op(lambda x, a: mt.clamp(x, max=a), np.minimum, X, low)
    check_op(lambda x, a: mt.clamp(x, min=a), np.maximum, X, low)


def test_clamp_passes_the_gradient_on_the_limit():
    x = mt.tensor([0.0, 0.5, 1.0, 2.0], requires_grad=True)
    x.clamp(0.5, 1.0).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 0]


def test_clamp_without_limits_is_refused():
    with pytest.raises(ValueError, match="clamp: give min, max or both"):
        mt.ones(2).clamp()
