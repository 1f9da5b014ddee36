"""The adaptive optimizers beside PyTorch's: 50 steps, and a state that goes from one library to the other."""

from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import torch, values

pytestmark = pytest.mark.parity

CHOICES = {
    "Adam": {"amsgrad": (False, True), "decoupled_weight_decay": (False, True), "betas": ((0.9, 0.999), (0.3, 0.6))},
    "AdamW": {"amsgrad": (False, True), "betas": ((0.9, 0.999), (0.0, 0.6))},
    "RMSprop": {"momentum": (0.0, 0.9), "centered": (False, True), "alpha": (0.99, 0.4)},
    "Adagrad": {"lr_decay": (0.0, 0.1), "initial_accumulator_value": (0.0, 0.5)},
    "Adadelta": {"rho": (0.9, 0.4)},
}
COMMON = {"weight_decay": (0.0, 0.1), "maximize": (False, True), "eps": (None, 1e-3)}


def all_combinations():
    for name, choices in CHOICES.items():
        choices = choices | COMMON
        for chosen in product(*choices.values()):
            options = {key: value for key, value in zip(choices, chosen) if value is not None}
            yield pytest.param(name, options, id=name + ":" + ",".join(f"{k}={v}" for k, v in options.items() if v))


SHAPES = (4, 3), (5,), ()


class Walk:
    """One optimizer of one library, three parameters in two groups, and given gradients."""

    def __init__(self, library, name, options, starts):
        self.library = library
        self.parameters = [library.tensor(start, requires_grad=True) for start in starts]
        groups = [{"params": self.parameters[:1], "lr": 0.02}, {"params": self.parameters[1:]}]
        self.optimizer = getattr(library.optim, name)(groups, lr=0.01, **options)

    def step(self, number, gradients):
        self.optimizer.zero_grad()
        for i, (parameter, gradient) in enumerate(zip(self.parameters, gradients)):
            if (number + i) % 4:  # now and then a parameter has no gradient
                parameter.grad = self.library.tensor(gradient)
        self.optimizer.step()

    def state_for(self, library):
        """The state_dict with the tensors of the other library."""
        saved = self.optimizer.state_dict()
        state = {
            i: {key: library.tensor(values(value)) for key, value in entries.items()}
            for i, entries in saved["state"].items()
        }
        return {"state": state, "param_groups": saved["param_groups"]}


def draw(rng, dtype):
    return [np.asarray(rng.standard_normal(shape), dtype) for shape in SHAPES]


def assert_together(ours, theirs, step, **limits):
    for mine, other in zip(ours.parameters, theirs.parameters):
        np.testing.assert_allclose(values(mine), values(other), err_msg=f"step {step}", **limits)


FLOAT64 = {"rtol": 1e-11, "atol": 1e-12}


@pytest.mark.parametrize(("name", "options"), list(all_combinations()))
def test_fifty_steps_and_the_state_after_them(name, options):
    rng = np.random.default_rng(0)
    starts = draw(rng, np.float64)
    ours, theirs = (Walk(library, name, options, starts) for library in (mt, torch))
    for step in range(50):
        gradients = draw(rng, np.float64)
        for walk in (ours, theirs):
            walk.step(step, gradients)
        assert_together(ours, theirs, step, **FLOAT64)
    here, there = (walk.optimizer.state_dict() for walk in (ours, theirs))
    assert list(here["state"]) == list(there["state"])
    for i, entries in there["state"].items():
        assert list(here["state"][i]) == list(entries)
        for key, value in entries.items():
            mine = values(here["state"][i][key])
            assert (mine.dtype, mine.shape) == (values(value).dtype, values(value).shape), key
            np.testing.assert_allclose(mine, values(value), err_msg=key, **FLOAT64)
    for mine, other in zip(here["param_groups"], there["param_groups"]):
        assert mine == {key: value for key, value in other.items() if key in mine}
        left_out = set(other) - set(mine)
        assert left_out <= {"foreach", "capturable", "differentiable", "fused"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
        ("AdamW", {"betas": (0.8, 0.9)}),
        ("RMSprop", {"momentum": 0.9, "centered": True}),
        ("Adagrad", {"lr_decay": 0.1}),
        ("Adadelta", {"rho": 0.7}),
    ],
)
@pytest.mark.parametrize("source", [torch, mt], ids=["from_torch", "to_torch"])
def test_a_state_goes_from_one_library_to_the_other(name, options, source):
    target = mt if source is torch else torch
    rng = np.random.default_rng(0)
    first = Walk(source, name, options, draw(rng, np.float64))
    for step in range(6):
        first.step(step, draw(rng, np.float64))
    second = Walk(target, name, {}, [values(p).copy() for p in first.parameters])
    second.optimizer.load_state_dict(first.state_for(target))
    for step in range(6):
        gradients = draw(rng, np.float64)
        for walk in (first, second):
            walk.step(step, gradients)
        assert_together(first, second, step, **FLOAT64)


@pytest.mark.parametrize("name", CHOICES)
def test_fifty_steps_in_float32(name):
    rng = np.random.default_rng(0)
    starts = draw(rng, np.float32)
    ours, theirs = (Walk(library, name, {"weight_decay": 0.1}, starts) for library in (mt, torch))
    for step in range(50):
        gradients = draw(rng, np.float32)
        for walk in (ours, theirs):
            walk.step(step, gradients)
        assert_together(ours, theirs, step, rtol=1e-4, atol=1e-4)
    assert all(values(p).dtype == np.float32 for p in ours.parameters)
