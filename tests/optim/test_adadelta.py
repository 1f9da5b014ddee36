import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim

from .walk import assert_follows, assert_refused, combinations


def by_hand(p, gradients, lr, rho, eps, weight_decay, maximize):
    v, u = 0.0, 0.0
    for gradient in gradients:
        g = (-gradient if maximize else gradient) + weight_decay * p
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * d**2
        p = p - lr * d
        yield p


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", combinations(weight_decay=(0, 0.1), maximize=(False, True)))
def test_every_combination_of_options(options, dtype, rng):
    options = {"lr": 0.5, "rho": 0.8, "eps": 1e-3, **options}
    state = assert_follows(
        lambda params: optim.Adadelta(params, **options), lambda p, g: by_hand(p, g, **options), rng, dtype
    )
    assert list(state) == ["step", "square_avg", "acc_delta"]
    assert state["step"].item() == 5


def test_defaults():
    assert optim.Adadelta([nn.Parameter(torch.ones(1))]).defaults == {
        "lr": 1.0,
        "rho": 0.9,
        "eps": 1e-6,
        "weight_decay": 0,
        "maximize": False,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "Adadelta: lr=-1 must not be negative"),
        ({"eps": -1}, "Adadelta: eps=-1 must not be negative"),
        ({"weight_decay": -1}, "Adadelta: weight_decay=-1 must not be negative"),
        ({"rho": 1.5}, "Adadelta: rho=1.5 must lie between 0 and 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    assert_refused(lambda params: optim.Adadelta(params, **options), message)
