"""Optimizers and the book's LeNet, step for step beside PyTorch."""

from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import torch, values

pytestmark = pytest.mark.parity

SWITCHES = {
    "momentum": (0.0, 0.9),
    "dampening": (0.0, 0.3),
    "nesterov": (False, True),
    "weight_decay": (0.0, 0.01),
    "maximize": (False, True),
}
OPTIONS = [dict(zip(SWITCHES, chosen)) for chosen in product(*SWITCHES.values())]
OPTIONS = [o for o in OPTIONS if not (o["nesterov"] and (o["momentum"] == 0 or o["dampening"]))]


def options_text(options):
    return ",".join(f"{key}={value}" for key, value in options.items() if value)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", OPTIONS, ids=options_text)
def test_sgd_over_ten_steps(options, dtype):
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal(shape).astype(dtype) for shape in ((4, 3), (5,), (2, 3, 2, 2))]
    gradients = [[rng.standard_normal(start.shape).astype(dtype) for start in starts] for _ in range(10)]
    parameters = {t: [t.tensor(start, requires_grad=True) for start in starts] for t in (torch, mt)}
    optimizers = {
        t: t.optim.SGD([{"params": ps[:1], "lr": 0.02}, {"params": ps[1:]}], lr=0.1, **options)
        for t, ps in parameters.items()
    }
    for step in range(10):
        for t, optimizer in optimizers.items():
            optimizer.zero_grad()
            for i, parameter in enumerate(parameters[t]):
                if (step + i) % 4:  # now and then a parameter has no gradient
                    parameter.grad = t.tensor(gradients[step][i])
            optimizer.param_groups[0]["lr"] = 0.02 / (1 + step)
            optimizer.step()
        for ours, theirs in zip(parameters[mt], parameters[torch]):
            limits = {"rtol": 1e-11, "atol": 1e-14} if dtype == np.float64 else {"rtol": 1e-5, "atol": 1e-6}
            np.testing.assert_allclose(values(ours), values(theirs), **limits)
    ours, theirs = (optimizers[t].state_dict() for t in (mt, torch))
    assert sorted(ours["state"]) == sorted(theirs["state"])
    assert [group["params"] for group in ours["param_groups"]] == [group["params"] for group in theirs["param_groups"]]
    for i, state in theirs["state"].items():
        if state.get("momentum_buffer") is not None:
            np.testing.assert_allclose(
                values(ours["state"][i]["momentum_buffer"]), values(state["momentum_buffer"]), rtol=1e-4, atol=1e-6
            )


def lenet(t, activation):
    act = getattr(t.nn, activation)
    return t.nn.Sequential(
        t.nn.Conv2d(1, 6, 5, padding=2), act(), t.nn.AvgPool2d(2, 2),
        t.nn.Conv2d(6, 16, 5), act(), t.nn.AvgPool2d(2, 2), t.nn.Flatten(),
        t.nn.Linear(400, 120), act(), t.nn.Linear(120, 84), act(), t.nn.Linear(84, 10),
    ).double()  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "options"),
    [("Sigmoid", {"lr": 0.9}), ("ReLU", {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3, "nesterov": True})],
    ids=["book", "relu"],
)
def test_five_steps_of_lenet(activation, options):
    """Same weights, same batches, float64: the loss and every parameter agree to 1e-9 after each of five steps."""
    mt.manual_seed(0)
    nets = {t: lenet(t, activation) for t in (torch, mt)}
    for module in nets[mt].modules():
        if isinstance(module, (mt.nn.Conv2d, mt.nn.Linear)):
            mt.nn.init.xavier_uniform_(module.weight)
    state = nets[mt].state_dict()
    nets[torch].load_state_dict({key: torch.from_numpy(values(tensor).copy()) for key, tensor in state.items()})
    optimizers = {t: t.optim.SGD(net.parameters(), **options) for t, net in nets.items()}
    rng = np.random.default_rng(0)
    for step in range(5):
        images, labels = rng.random((16, 1, 28, 28)), rng.integers(0, 10, 16)
        losses = {}
        for t, net in nets.items():
            optimizers[t].zero_grad()
            loss = t.nn.functional.cross_entropy(net(t.tensor(images)), t.tensor(labels))
            loss.backward()
            optimizers[t].step()
            losses[t] = loss.item()
        assert losses[mt] == pytest.approx(losses[torch], rel=1e-9), f"loss of step {step}"
        theirs = dict(nets[torch].named_parameters())
        for name, parameter in nets[mt].named_parameters():
            where = f"{name}, step {step}"
            np.testing.assert_allclose(values(parameter), values(theirs[name]), rtol=1e-9, err_msg=where)
            np.testing.assert_allclose(values(parameter.grad), values(theirs[name].grad), rtol=1e-8, atol=1e-13)


def test_the_packaged_lenet_is_the_books():
    net = mt.models.LeNet()
    count = sum(parameter.numel() for parameter in net.parameters())
    assert count == 61_706
    shapes = [tuple(parameter.shape) for parameter in net.parameters()]
    assert shapes == [tuple(parameter.shape) for parameter in lenet(torch, "Sigmoid").parameters()]
