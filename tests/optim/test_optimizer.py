import copy

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, optim


def parameter(*values):
    return nn.Parameter(torch.tensor(list(values) or [1.0]))


def give_gradients(optimizer, value=1.0):
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = torch.full(p.shape, value)


def two_groups(**options):
    a, b, c = parameter(1.0, 2.0), parameter(3.0), parameter(4.0)
    return optim.SGD([{"params": [a, b], "lr": 0.5}, {"params": c}], **options)


def test_groups_take_defaults_and_keep_their_own_options():
    optimizer = two_groups(lr=0.1, momentum=0.9)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.9]
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 1]


def test_a_changed_learning_rate_takes_effect():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    optimizer.param_groups[0]["lr"] = 0.25
    give_gradients(optimizer)
    optimizer.step()
    assert p.tolist() == [0.75]


def test_an_added_group_is_trained():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    optimizer.add_param_group({"params": [q], "lr": 0.25})
    give_gradients(optimizer)
    optimizer.step()
    assert (p.item(), q.item()) == (0.5, 0.75)


def test_parameters_without_a_gradient_are_left_alone():
    p, q = parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([p, q], lr=0.5, momentum=0.9, weight_decay=0.1)
    q.grad = torch.ones(1)
    optimizer.step()
    assert p.tolist() == [1]
    assert list(optimizer.state) == [q]


def test_zero_grad():
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    give_gradients(optimizer)
    gradient = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is gradient
    assert gradient.tolist() == [0]
    optimizer.zero_grad()
    assert p.grad is None


def test_step_runs_a_closure_with_gradients_on():
    p = parameter(3.0)
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 9
    assert p.tolist() == [0]
    assert optimizer.step() is None


def test_a_graph_from_before_the_step_cannot_be_used_any_more():
    p = parameter(3.0)
    loss = (p * p).sum()
    optimizer = optim.SGD([p], lr=0.5)
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place after the forward pass"):
        loss.backward()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (lambda: [], ValueError, "SGD: got an empty parameter list; were the layers assigned as attributes"),
        (lambda: iter([]), ValueError, "SGD: got an empty parameter list"),
        (lambda: parameter(), TypeError, "params should be an iterable of tensors or dictionaries, got Parameter"),
        (lambda: {"params": []}, TypeError, "params should be an iterable of tensors or dictionaries, got dict"),
        (lambda: [3], TypeError, "SGD: only tensors can be optimized, got int"),
        (
            lambda: nn.Linear(1, 1).named_parameters(),
            TypeError,
            r"only tensors can be optimized, got tuple; pass parameters\(\), not named_parameters\(\)",
        ),
        (lambda: [{"lr": 1.0}], TypeError, 'a parameter group must be a dictionary with "params", got'),
        (lambda: [{"params": {parameter()}}], TypeError, "parameters must come in an order, but a set has none"),
        (
            lambda: [parameter(), parameter() * 2],
            ValueError,
            r"cannot optimize a non-leaf tensor: parameter 1 was made by mul; call detach\(\)",
        ),
    ],
)
def test_parameters_that_cannot_be_optimized_are_refused(params, error, message):
    with pytest.raises(error, match=message):
        optim.SGD(params(), lr=0.1)


def test_a_parameter_given_twice_is_refused_in_one_group_or_two():
    p, q = parameter(), parameter()
    for params in ([q, p, p], [{"params": [q]}, {"params": [p, q]}]):
        with pytest.raises(ValueError, match=r"parameter [12] is in the optimizer already; give each parameter once"):
            optim.SGD(params, lr=0.1)


def test_state_dict_has_torchs_layout():
    optimizer = two_groups(lr=0.1, momentum=0.9)
    give_gradients(optimizer)
    optimizer.step()
    state = optimizer.state_dict()
    options = {"momentum": 0.9, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False}
    assert state["param_groups"] == [
        {"lr": 0.5, **options, "params": [0, 1]},
        {"lr": 0.1, **options, "params": [2]},
    ]
    assert [list(entries) for entries in state["state"].values()] == [["momentum_buffer"]] * 3
    assert list(state["state"]) == [0, 1, 2]
    assert state["state"][0]["momentum_buffer"].tolist() == [1, 1]


def test_a_loaded_state_continues_where_the_other_stopped():
    first = two_groups(lr=0.1, momentum=0.9)
    give_gradients(first)
    first.step()
    second = copy.deepcopy(first)
    fresh = optim.SGD(
        [{"params": group["params"]} for group in copy.deepcopy(first).param_groups], lr=7.0, momentum=0.1
    )
    fresh.load_state_dict(first.state_dict())
    for optimizer in (second, fresh):
        give_gradients(optimizer, 2.0)
        optimizer.step()
    ours, theirs = ([p.tolist() for group in o.param_groups for p in group["params"]] for o in (fresh, second))
    assert ours == theirs
    assert [group["lr"] for group in fresh.param_groups] == [0.5, 0.1]
    assert first.state_dict()["state"][0]["momentum_buffer"].tolist() == [1, 1]


def test_a_loaded_state_replaces_the_old_one():
    optimizer = two_groups(lr=0.1, momentum=0.9)
    empty = optimizer.state_dict()
    give_gradients(optimizer)
    optimizer.step()
    optimizer.load_state_dict(empty)
    assert optimizer.state_dict()["state"] == {}


def test_loading_converts_arrays_to_the_dtype_of_the_parameter():
    optimizer = optim.SGD([parameter(1.0)], lr=0.5, momentum=0.5)
    state = optimizer.state_dict()
    state["state"] = {0: {"momentum_buffer": np.array([4.0])}}
    optimizer.load_state_dict(state)
    give_gradients(optimizer)
    optimizer.step()
    (buffer,) = (entries["momentum_buffer"] for entries in optimizer.state.values())
    assert buffer.tolist() == [3]
    assert buffer.dtype == torch.float32


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    optimizer = two_groups(lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"SGD: state_dict has groups of \[1\] parameters but .* groups of \[2, 1\]"):
        optimizer.load_state_dict(optim.SGD([parameter()], lr=0.3).state_dict())
    state = two_groups(lr=0.3).state_dict()
    state["state"] = {1: {"momentum_buffer": torch.ones(3)}}
    with pytest.raises(ValueError, match=r"'momentum_buffer' of parameter 1 has shape \(3,\) but it has \(1,\)"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[1]["lr"] == 0.1


def test_repr():
    assert repr(optim.SGD([parameter()], lr=0.1)) == (
        "SGD (\n"
        "Parameter Group 0\n"
        "    dampening: 0\n"
        "    lr: 0.1\n"
        "    maximize: False\n"
        "    momentum: 0\n"
        "    nesterov: False\n"
        "    weight_decay: 0\n"
        ")"
    )


def test_an_optimizer_without_an_update_says_so():
    optimizer = optim.Optimizer([parameter()], {})
    give_gradients(optimizer)
    with pytest.raises(NotImplementedError):
        optimizer.step()
