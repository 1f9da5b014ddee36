import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim

from .walk import assert_follows, assert_refused, combinations

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
OPTIONS = {"weight_decay": (0, 0.1), "amsgrad": (False, True), "maximize": (False, True)}


def by_hand(p, gradients, lr, betas, eps, weight_decay, amsgrad, maximize, decoupled):
    m, v, largest = 0.0, 0.0, 0.0
    for t, gradient in enumerate(gradients, 1):
        g = -gradient if maximize else gradient
        if decoupled:
            p = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        largest = np.maximum(largest, v)
        v_hat = (largest if amsgrad else v) / (1 - betas[1] ** t)
        p = p - lr * m / (1 - betas[0] ** t) / (np.sqrt(v_hat) + eps)
        yield p


@FLOATS
@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
@pytest.mark.parametrize("options", combinations(**OPTIONS))
def test_every_combination_of_options(kind, options, dtype, rng):
    options = {"lr": 0.1, "betas": (0.8, 0.5), "eps": 1e-3, **options}
    state = assert_follows(
        lambda params: kind(params, **options),
        lambda p, gradients: by_hand(p, gradients, decoupled=kind is optim.AdamW, **options),
        rng,
        dtype,
    )
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * options["amsgrad"]
    assert (state["step"].shape, state["step"].dtype, state["step"].item()) == ((), torch.float32, 5)


def test_defaults():
    shared = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False, "maximize": False}
    params = [nn.Parameter(torch.ones(1))]
    assert optim.Adam(params).defaults == {**shared, "weight_decay": 0, "decoupled_weight_decay": False}
    assert optim.AdamW(params).defaults == {**shared, "weight_decay": 1e-2, "decoupled_weight_decay": True}


def test_adamw_keeps_its_weight_decay_apart_when_it_loads_the_state_of_adam():
    params = [nn.Parameter(torch.ones(1))]
    optimizer = optim.AdamW(params)
    optimizer.load_state_dict(optim.Adam(params, lr=0.5).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True
    assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "lr=-1 must not be negative"),
        ({"eps": -0.5}, "eps=-0.5 must not be negative"),
        ({"weight_decay": float("nan")}, "weight_decay=nan must not be negative"),
        ({"betas": (1.0, 0.9)}, "betas=(1.0, 0.9) must be two numbers from 0 to below 1"),
        ({"betas": (0.9, -0.1)}, "betas=(0.9, -0.1) must be two numbers from 0 to below 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(kind, options, message):
    assert_refused(lambda params: kind(params, **options), f"{kind.__name__}: {message}")
    assert_refused(lambda params: kind([{"params": params, **options}]), f"{kind.__name__}: {message}")
