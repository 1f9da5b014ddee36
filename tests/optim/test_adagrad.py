import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim

from .walk import assert_follows, assert_refused, combinations

OPTIONS = {
    "lr_decay": (0, 0.5),
    "weight_decay": (0, 0.1),
    "initial_accumulator_value": (0, 2.0),
    "maximize": (False, True),
}


def by_hand(p, gradients, lr, eps, lr_decay, weight_decay, initial_accumulator_value, maximize):
    s = initial_accumulator_value
    for t, gradient in enumerate(gradients, 1):
        g = (-gradient if maximize else gradient) + weight_decay * p
        s = s + g**2
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + eps)
        yield p


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", combinations(**OPTIONS))
def test_every_combination_of_options(options, dtype, rng):
    options = {"lr": 0.1, "eps": 1e-3, **options}
    state = assert_follows(
        lambda params: optim.Adagrad(params, **options), lambda p, g: by_hand(p, g, **options), rng, dtype
    )
    assert list(state) == ["step", "sum"]
    assert state["step"].item() == 5


def test_the_state_is_there_before_the_first_step():
    optimizer = optim.Adagrad([nn.Parameter(torch.ones(2))], initial_accumulator_value=3)
    (state,) = optimizer.state_dict()["state"].values()
    assert (state["step"].item(), state["sum"].tolist()) == (0, [3, 3])


def test_an_added_group_starts_at_the_same_value():
    optimizer = optim.Adagrad([nn.Parameter(torch.ones(1))], initial_accumulator_value=3)
    late = nn.Parameter(torch.ones(1))
    optimizer.add_param_group({"params": late})
    late.grad = torch.ones(1)
    optimizer.step()
    assert optimizer.state[late]["sum"].tolist() == [4]


def test_defaults():
    assert optim.Adagrad([nn.Parameter(torch.ones(1))]).defaults == {
        "lr": 1e-2,
        "lr_decay": 0,
        "weight_decay": 0,
        "initial_accumulator_value": 0,
        "eps": 1e-10,
        "maximize": False,
    }


@pytest.mark.parametrize("option", ["lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"])
def test_options_that_make_no_sense_are_refused(option):
    message = f"Adagrad: {option}=-0.5 must not be negative"
    assert_refused(lambda params: optim.Adagrad(params, **{option: -0.5}), message)
