import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = np.array([[-3.0, -0.5, 0.0], [0.5, 2.0, 7.0]])
SIGMOID = 1 / (1 + np.exp(-X))
NORMAL = np.vectorize(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2)(X)
POWERS = np.exp(X)

CASES = [
    (nn.ReLU(), np.maximum(X, 0), "ReLU()"),
    (nn.LeakyReLU(0.2), np.where(X > 0, X, 0.2 * X), "LeakyReLU(negative_slope=0.2)"),
    (nn.ELU(2.0), np.where(X > 0, X, 2 * (POWERS - 1)), "ELU(alpha=2.0)"),
    (nn.GELU(), X * NORMAL, "GELU(approximate='none')"),
    (
        nn.GELU("tanh"),
        X * (1 + np.tanh(math.sqrt(2 / math.pi) * (X + 0.044715 * X**3))) / 2,
        "GELU(approximate='tanh')",
    ),
    (nn.SiLU(), X * SIGMOID, "SiLU()"),
    (nn.Sigmoid(), SIGMOID, "Sigmoid()"),
    (nn.LogSigmoid(), np.log(SIGMOID), "LogSigmoid()"),
    (nn.Tanh(), np.tanh(X), "Tanh()"),
    (nn.Softplus(2.0, 3.0), np.where(2 * X > 3, X, np.log1p(np.exp(2 * X)) / 2), "Softplus(beta=2.0, threshold=3.0)"),
    (nn.Hardtanh(-1.0, 2.0), np.clip(X, -1, 2), "Hardtanh(min_val=-1.0, max_val=2.0)"),
    (nn.ReLU6(), np.clip(X, 0, 6), "ReLU6()"),
    (nn.Hardsigmoid(), np.clip(X / 6 + 0.5, 0, 1), "Hardsigmoid()"),
    (nn.Hardswish(), X * np.clip(X / 6 + 0.5, 0, 1), "Hardswish()"),
    (nn.Mish(), X * np.tanh(np.log1p(POWERS)), "Mish()"),
    (nn.PReLU(dtype=torch.float64), np.where(X > 0, X, 0.25 * X), "PReLU(num_parameters=1)"),
    (nn.PReLU(3, 0.5, dtype=torch.float64), np.where(X > 0, X, 0.5 * X), "PReLU(num_parameters=3)"),
    (nn.Softmax(1), POWERS / POWERS.sum(1, keepdims=True), "Softmax(dim=1)"),
    (nn.LogSoftmax(0), np.log(POWERS / POWERS.sum(0)), "LogSoftmax(dim=0)"),
]


@pytest.mark.parametrize(("layer", "expected", "text"), CASES, ids=[text for _, _, text in CASES])
def test_values_and_repr(layer, expected, text):
    np.testing.assert_allclose(layer(torch.tensor(X)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    assert repr(layer) == text


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (nn.ReLU6(True), "ReLU6(inplace=True)"),
        (nn.SiLU(True), "SiLU(inplace=True)"),
        (nn.Hardsigmoid(True), "Hardsigmoid(inplace=True)"),
        (nn.Hardswish(True), "Hardswish(inplace=True)"),
        (nn.Mish(True), "Mish(inplace=True)"),
        (nn.ELU(inplace=True), "ELU(alpha=1.0, inplace=True)"),
        (nn.LeakyReLU(inplace=True), "LeakyReLU(negative_slope=0.01, inplace=True)"),
        (nn.Hardtanh(inplace=True), "Hardtanh(min_val=-1.0, max_val=1.0, inplace=True)"),
    ],
)
def test_inplace_overwrites_the_input(layer, text):
    x = torch.tensor(X)
    y = layer(x)
    assert x.tolist() == y.tolist() != X.tolist()
    assert repr(layer) == text


def test_prelu_learns_its_slope():
    layer = nn.PReLU(dtype=torch.float64)
    layer(torch.tensor(X)).sum().backward()
    assert layer.weight.grad.tolist() == [-3.5]
    assert list(layer.state_dict()) == ["weight"]


def test_softmax2d_adds_up_to_one_over_the_channels():
    x = np.random.default_rng(0).standard_normal((2, 3, 2, 2))
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(nn.Softmax2d()(torch.tensor(x)).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(nn.Softmax2d()(torch.tensor(x[0])).numpy(), expected[0], rtol=1e-12)
    with pytest.raises(ValueError, match=r"Softmax2d: x has shape \(2, 3\) but must be \(N, C, H, W\), or \(C, H, W\)"):
        nn.Softmax2d()(torch.ones(2, 3))


def test_hardtanh_refuses_an_empty_interval():
    with pytest.raises(ValueError, match="Hardtanh: min_val=1 must be below max_val=0"):
        nn.Hardtanh(1, 0)
