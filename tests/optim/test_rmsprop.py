import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim

from .walk import assert_follows, assert_refused, combinations

OPTIONS = {"momentum": (0, 0.9), "centered": (False, True), "weight_decay": (0, 0.1), "maximize": (False, True)}


def by_hand(p, gradients, lr, alpha, eps, momentum, centered, weight_decay, maximize):
    v, mean, b = 0.0, 0.0, 0.0
    for gradient in gradients:
        g = (-gradient if maximize else gradient) + weight_decay * p
        v = alpha * v + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - mean**2 if centered else v) + eps)
        p = p - lr * b
        yield p


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", combinations(**OPTIONS))
def test_every_combination_of_options(options, dtype, rng):
    options = {"lr": 0.1, "alpha": 0.8, "eps": 1e-3, **options}
    state = assert_follows(
        lambda params: optim.RMSprop(params, **options), lambda p, g: by_hand(p, g, **options), rng, dtype
    )
    optional = ["momentum_buffer"] * bool(options["momentum"]) + ["grad_avg"] * options["centered"]
    assert list(state) == ["step", "square_avg", *optional]
    assert state["step"].item() == 5


def test_defaults():
    assert optim.RMSprop([nn.Parameter(torch.ones(1))]).defaults == {
        "lr": 1e-2,
        "alpha": 0.99,
        "eps": 1e-8,
        "weight_decay": 0,
        "momentum": 0,
        "centered": False,
        "maximize": False,
    }


@pytest.mark.parametrize("option", ["lr", "alpha", "eps", "weight_decay", "momentum"])
def test_options_that_make_no_sense_are_refused(option):
    message = f"RMSprop: {option}=-0.5 must not be negative"
    assert_refused(lambda params: optim.RMSprop(params, **{option: -0.5}), message)
