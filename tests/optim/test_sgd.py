import itertools

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim

COMBINATIONS = [
    dict(zip(("momentum", "dampening", "weight_decay", "nesterov", "maximize"), values))
    for values in itertools.product((0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True))
    if not values[3] or (values[0] and not values[1])
]


def by_hand(p, gradients, lr, momentum, dampening, weight_decay, nesterov, maximize):
    """SGD from its definition: the parameter after each step."""
    velocity = None
    for gradient in gradients:
        g = (-gradient if maximize else gradient) + weight_decay * p
        if momentum:
            velocity = g if velocity is None else momentum * velocity + (1 - dampening) * g
            g = g + momentum * velocity if nesterov else velocity
        p = p - lr * g
        yield p


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda o: ",".join(f"{k}={v}" for k, v in o.items() if v))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_combination_of_options(options, dtype, rng):
    start = rng.standard_normal((3, 2)).astype(dtype)
    gradients = [rng.standard_normal((3, 2)).astype(dtype) for _ in range(3)]
    parameter = nn.Parameter(torch.tensor(start))
    memory = parameter.detach().numpy()
    optimizer = optim.SGD([parameter], lr=0.1, **options)
    for gradient, expected in zip(gradients, by_hand(start, gradients, 0.1, **options)):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(memory, expected, rtol=1e-12 if dtype is np.float64 else 1e-5, atol=1e-7)
        assert np.array_equal(parameter.grad.numpy(), gradient)
    assert parameter.is_leaf


@pytest.mark.parametrize("shape", [(2, 3), (0,), ()])
def test_parameters_of_any_layout(shape, rng):
    values = rng.standard_normal(shape)
    parameter = nn.Parameter(torch.from_numpy(np.array(values, order="F")))
    gradient = rng.standard_normal(shape)
    optimizer = optim.SGD([parameter], lr=0.5, momentum=0.9)
    for _ in range(2):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(parameter.detach().numpy(), values - 0.5 * 2.9 * gradient, rtol=1e-12)


def test_defaults():
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))])
    assert optimizer.defaults == {
        "lr": 1e-3,
        "momentum": 0,
        "dampening": 0,
        "weight_decay": 0,
        "nesterov": False,
        "maximize": False,
    }


def test_no_state_without_momentum():
    parameter = nn.Parameter(torch.ones(1))
    optimizer = optim.SGD([parameter], lr=0.1)
    parameter.grad = torch.ones(1)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1}, "SGD: lr=-1 must not be negative"),
        ({"momentum": -0.5}, "SGD: momentum=-0.5 must not be negative"),
        ({"weight_decay": -0.1}, "SGD: weight_decay=-0.1 must not be negative"),
        (
            {"nesterov": True},
            "SGD: nesterov needs a momentum above 0 and no dampening, got momentum=0 and dampening=0",
        ),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            "SGD: nesterov needs a momentum above 0 and no dampening, got momentum=0.9 and dampening=0.1",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused_for_all_and_for_a_group(options, message):
    for build in (
        lambda p: optim.SGD([p], **options),
        lambda p: optim.SGD([{"params": [p], **options}], lr=0.1),
    ):
        with pytest.raises(ValueError, match="SGD") as error:
            build(nn.Parameter(torch.ones(1)))
        assert str(error.value) == message
