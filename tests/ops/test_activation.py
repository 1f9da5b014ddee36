"""Activation functions: forward against the equation in NumPy, slopes against differences, extremes."""

import math

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.ops import activation

from .op_table import check_op, table

X = np.random.default_rng(0).standard_normal((3, 4)) * 2
ERF = np.vectorize(math.erf)

OPS = table(
    ("relu", mt.relu, lambda x: np.maximum(x, 0)),
    ("leaky_relu", mt.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x)),
    ("leaky_relu_slope", lambda x: mt.leaky_relu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
    ("elu", mt.elu, lambda x: np.where(x > 0, x, np.expm1(x))),
    ("elu_alpha", lambda x: mt.elu(x, 0.7), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    ("sigmoid", mt.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    ("logsigmoid", mt.logsigmoid, lambda x: -np.log1p(np.exp(-x))),
    ("silu", mt.silu, lambda x: x / (1 + np.exp(-x))),
    ("softplus", mt.softplus, lambda x: np.log1p(np.exp(x))),
    ("softplus_beta", lambda x: mt.softplus(x, 2.0), lambda x: np.log1p(np.exp(2 * x)) / 2),
    ("softplus_linear", lambda x: mt.softplus(x, 1.0, 1.0), lambda x: np.where(x > 1, x, np.log1p(np.exp(x)))),
    ("gelu", mt.gelu, lambda x: x * 0.5 * (1 + ERF(x / np.sqrt(2)))),
    (
        "gelu_tanh",
        lambda x: activation.gelu(x, approximate="tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    ("hardtanh", mt.hardtanh, lambda x: np.clip(x, -1, 1)),
    ("hardsigmoid", lambda x: activation.hardsigmoid(x * 2), lambda x: np.clip(x / 3 + 0.5, 0, 1)),
    ("hardswish", lambda x: activation.hardswish(x * 2), lambda x: 2 * x * np.clip(x / 3 + 0.5, 0, 1)),
    ("mish", activation.mish, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    ("relu6", lambda x: mt.relu6(x * 4), lambda x: np.clip(x * 4, 0, 6)),
    ("softmax", lambda x: x.softmax(1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ("softmax_first", lambda x: mt.softmax(x, 0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    ("log_softmax", lambda x: x.log_softmax(-1), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
    ("logsumexp", lambda x: x.logsumexp((0, 1)), lambda x: np.log(np.exp(x).sum())),
)


@pytest.mark.parametrize(("op", "reference"), OPS)
def test_activations(op, reference):
    check_op(op, reference, X)
    check_op(op, reference, np.asfortranarray(X))


def test_prelu_with_one_slope_and_with_one_for_each_channel():
    x = np.random.default_rng(1).standard_normal((2, 3, 4))
    check_op(mt.prelu, lambda x, w: np.where(x > 0, x, w * x), x, np.array([0.25]))
    check_op(mt.prelu, lambda x, w: np.where(x > 0, x, w[:, None] * x), x, np.array([0.25, -0.5, 2.0]))
    check_op(mt.prelu, lambda x, w: np.where(x > 0, x, w * x), X[0], np.array([0.25]))


def test_large_inputs_neither_overflow_nor_warn():
    x = mt.tensor([-1e4, 1e4], requires_grad=True)
    for function in (mt.sigmoid, mt.silu, mt.softplus, mt.logsigmoid, mt.tanh, mt.gelu, mt.elu, activation.mish):
        x.grad = None
        y = function(x)
        y.sum().backward()
        assert y.isfinite().all(), function
        assert x.grad.isfinite().all(), function
    for y in (mt.softmax(x, 0), mt.log_softmax(x, 0), mt.logsumexp(x, 0)):
        assert y.isfinite().all()


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0), (2, 0, 3)])
def test_softmax_where_there_is_nothing(shape, gpu):
    """Empty sums: nothing to share out, and e^y = 0. CuPy's max has no value to begin with, as NumPy's has."""
    x = mt.ones(*shape, device=gpu, requires_grad=True)
    for dim in range(len(shape)):
        rest = (*shape[:dim], *shape[dim + 1 :])
        y = x.logsumexp(dim)
        assert y.tolist() == np.full(rest, -np.inf if shape[dim] == 0 else 1 + np.log(shape[dim])).tolist()
        for z in (x.softmax(dim), x.log_softmax(dim)):
            assert (z.shape, z.device) == (shape, x.device)
            z.sum().backward()
    assert x.grad.shape == shape
    assert x.logsumexp(tuple(range(len(shape))), keepdim=True).tolist() == np.full((1,) * len(shape), -np.inf).tolist()


def test_softmax_of_extremes_on_a_gpu(gpu):
    x = mt.tensor([[1e4, -1e4, 0], [-np.inf, 0, 0], [np.nan, 0, 0], [np.inf, 0, 0]], device=gpu)
    nan = [np.nan] * 3
    np.testing.assert_array_equal(x.softmax(1).cpu().numpy(), [[1, 0, 0], [0, 0.5, 0.5], nan, nan])
    expected = [1e4, np.log(2), np.nan, np.inf]
    np.testing.assert_allclose(x.logsumexp(1).cpu().numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(x[:2].log_softmax(1).cpu().numpy()[1], [-np.inf, -np.log(2), -np.log(2)], rtol=1e-6)


def test_nan_propagates():
    x = mt.tensor([np.nan, 1.0])
    new = activation.hardsigmoid, activation.hardswish, activation.mish
    for function in (mt.relu, mt.leaky_relu, mt.elu, mt.sigmoid, mt.silu, mt.gelu, mt.softplus, mt.relu6, *new):
        assert function(x).isnan().tolist() == [True, False], function
    assert mt.softmax(x, 0).isnan().all()


def test_kinks():
    x = mt.tensor([0.0], requires_grad=True)
    for function, slope in ((mt.relu, 0), (mt.leaky_relu, 0.01), (mt.elu, 1), (mt.relu6, 0)):
        x.grad = None
        function(x).backward()
        assert x.grad.item() == pytest.approx(slope)


def test_slopes_at_the_corners_of_the_hard_functions():
    x = mt.tensor([-3.0, 3.0], requires_grad=True)
    for function, slopes in ((activation.hardsigmoid, [0, 0]), (activation.hardswish, [0, 1])):
        x.grad = None
        function(x).sum().backward()
        assert x.grad.tolist() == slopes


def test_logsumexp_of_minus_infinity():
    assert mt.full((2, 2), -np.inf).logsumexp(1).tolist() == [-np.inf, -np.inf]
    assert mt.tensor([-np.inf, 0.0]).softmax(0).tolist() == [0, 1]


def test_empty_batch():
    x = mt.zeros(0, 3, requires_grad=True)
    mt.log_softmax(x, 1).sum().backward()
    assert x.grad.shape == (0, 3)


def test_float32_stays_float32():
    x = mt.randn(3, 4)
    for function in (
        mt.relu,
        mt.leaky_relu,
        mt.elu,
        mt.sigmoid,
        mt.silu,
        mt.gelu,
        mt.softplus,
        mt.hardtanh,
        mt.logsigmoid,
        activation.hardsigmoid,
        activation.hardswish,
        activation.mish,
    ):
        assert function(x).dtype == mt.float32, function


def test_refusals():
    with pytest.raises(ValueError, match="gelu: approximate='quick'; choose 'none' or 'tanh'"):
        mt.gelu(mt.ones(1), "quick")
    with pytest.raises(RuntimeError, match=r"prelu: weight has 2 slopes but x of shape \(4, 3\) has 3 channels"):
        mt.prelu(mt.ones(4, 3), mt.ones(2))
    with pytest.raises(IndexError, match="softmax: dim 2 is out of range"):
        mt.softmax(mt.ones(2, 2), 2)
