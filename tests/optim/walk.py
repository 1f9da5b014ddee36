"""An optimizer beside its definition in NumPy, step by step."""

import itertools

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def combinations(**choices):
    """Every combination of the options, as dictionaries, one pytest parameter each."""
    return [
        pytest.param(options, id=",".join(f"{key}={value}" for key, value in options.items() if value) or "plain")
        for options in (dict(zip(choices, chosen)) for chosen in itertools.product(*choices.values()))
    ]


def assert_follows(build, by_hand, rng, dtype):
    """build([parameter]).step() walks as by_hand(start, gradients) does, which yields p after each of its steps."""
    start, *gradients = rng.standard_normal((6, 3, 2)).astype(dtype)
    parameter = nn.Parameter(torch.tensor(start))
    memory = parameter.detach().numpy()
    optimizer = build([parameter])
    tolerance = {"rtol": 1e-12} if dtype is np.float64 else {"rtol": 2e-5, "atol": 2e-5}
    walk = by_hand(start.astype(np.float64), [g.astype(np.float64) for g in gradients])
    for gradient, expected in zip(gradients, walk, strict=True):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(memory, expected, **tolerance)
        assert np.array_equal(parameter.grad.numpy(), gradient)
    return optimizer.state_dict()["state"][0]


def assert_refused(build, message):
    """The optimizer refuses the options with this message, given for all parameters."""
    with pytest.raises(ValueError, match=r".") as error:
        build([nn.Parameter(torch.ones(1))])
    assert str(error.value) == message
