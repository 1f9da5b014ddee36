"""All that a training run keeps beside its weights works where the weights are: on a GPU as on the CPU."""

import copy

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv import nn, optim
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.nn.utils import clip_grad_norm_, clip_grad_value_
from minitorch_cv.optim import lr_scheduler
from minitorch_cv.random import generator_on
from minitorch_cv.train import EMA, Checkpoint, StopTraining, fit

OPTIMIZERS = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.01, amsgrad=True),
    "AdamW": lambda parameters: optim.AdamW(parameters, lr=0.01),
    "RMSprop": lambda parameters: optim.RMSprop(parameters, lr=0.01, momentum=0.5, centered=True),
    "Adagrad": lambda parameters: optim.Adagrad(parameters, lr=0.1),
    "Adadelta": lambda parameters: optim.Adadelta(parameters, lr=1.0),
}
SCHEDULES = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, 1, 0.5),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 4),
    "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=6),
    "ReduceLROnPlateau": lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
}
X, T = (np.random.default_rng(0).standard_normal(shape) for shape in ((5, 3), (5, 2)))


def network(place):
    mt.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.BatchNorm1d(4), nn.Linear(4, 2)).double().to(place)


def loss_of(net):
    place = net[0].weight.device
    return ((net(mt.tensor(X, device=place)) - mt.tensor(T, device=place)) ** 2).mean()


def step(net, optimizer, schedule=None):
    optimizer.zero_grad()
    loss = loss_of(net)
    loss.backward()
    optimizer.step()
    if schedule is not None:
        schedule.step(*([loss.detach()] if isinstance(schedule, lr_scheduler.ReduceLROnPlateau) else []))


def weights(net):
    return [parameter.detach().cpu().numpy().copy() for parameter in net.parameters()]


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizers_and_their_state(make, gpu):
    outcomes = []
    for place in ("cpu", gpu):
        net = network(place)
        optimizer = make(net.parameters())
        for _ in range(2):
            step(net, optimizer)
        again = make(net.parameters())
        again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        step(net, again)
        for state in again.state.values():
            assert all(value.device == net[0].weight.device for value in state.values() if getattr(value, "ndim", 0))
        outcomes.append(weights(net))
    assert_same(*outcomes)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_state_goes_from_device_to_device(make, gpu):
    net, there = network("cpu"), network(gpu)
    optimizer, other = make(net.parameters()), make(there.parameters())
    step(net, optimizer)
    there.load_state_dict(net.state_dict())
    other.load_state_dict(optimizer.state_dict())
    step(net, optimizer)
    step(there, other)
    assert_same(weights(net), weights(there))
    optimizer.load_state_dict(other.state_dict())  # and back
    net.load_state_dict(there.state_dict())
    step(net, optimizer)
    step(there, other)
    assert_same(weights(net), weights(there))


@pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules(make, gpu):
    outcomes = []
    for place in ("cpu", gpu):
        net = network(place)
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        schedule = make(optimizer)
        for _ in range(4):
            step(net, optimizer, schedule)
        outcomes.append([*weights(net), np.array(optimizer.param_groups[0]["lr"])])
    assert_same(*outcomes)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, float("inf")])
@pytest.mark.parametrize("max_norm", [0.01, 1e6])
def test_clipping(norm_type, max_norm, gpu):
    outcomes = []
    for place in ("cpu", gpu):
        net = network(place)
        loss_of(net).backward()
        total = clip_grad_norm_(net.parameters(), max_norm, norm_type)
        assert total.device == net[0].weight.device
        clipped = [parameter.grad.cpu().numpy().copy() for parameter in net.parameters()]
        clip_grad_value_(net.parameters(), 1e-3)
        outcomes.append([*clipped, total.cpu().numpy(), *(p.grad.cpu().numpy().copy() for p in net.parameters())])
    assert_same(*outcomes)


def test_clipping_waits_for_nothing_and_spreads_what_is_no_number(gpu, monkeypatch):
    net = network(gpu)
    loss_of(net).backward()
    net[0].bias.grad[0] = float("nan")
    monkeypatch.setattr(mt.Tensor, "cpu", lambda tensor: pytest.fail("copied to the CPU"))
    total = clip_grad_norm_(net.parameters(), 1.0)
    monkeypatch.undo()
    assert np.isnan(total.item())
    assert all(np.isnan(parameter.grad.cpu().numpy()).all() for parameter in net.parameters())
    with pytest.raises(RuntimeError, match="the norm of the gradients is nan"):
        clip_grad_norm_(net.parameters(), 1.0, error_if_nonfinite=True)


def test_averages(gpu):
    outcomes = []
    for place in ("cpu", gpu):
        net = network(place)
        optimizer, ema = optim.SGD(net.parameters(), lr=0.1), EMA(net, 0.5)
        for _ in range(3):
            step(net, optimizer)
            ema.update()
        other = EMA(net)
        other.load_state_dict(copy.deepcopy(ema.state_dict()))
        with other.averaged():
            averaged = weights(net)
        outcomes.append([*averaged, *weights(net)])
    assert_same(*outcomes)


class Parts:
    """A run with dropout, momentum and averages on a device; another seed for what a load must overwrite."""

    def __init__(self, place, seed):
        mt.manual_seed(seed)
        net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)).to(place)
        optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(TensorDataset(X.astype(np.float32), np.arange(5) % 2), 2, shuffle=True)
        self.checkpoint = Checkpoint(net, optimizer, loader, ema=EMA(net, 0.5))

    def go(self, **callbacks):
        parts = self.checkpoint
        return fit(
            parts.model,
            parts.train_loader,
            parts.train_loader,
            epochs=2,
            optimizer=parts.optimizer,
            loss=nn.functional.cross_entropy,
            ema=parts.ema,
            progress=parts.progress,
            **callbacks,
        )


def test_a_run_on_a_gpu_goes_on_bit_by_bit(gpu, tmp_path):
    whole = Parts(gpu, 1)
    whole.go()
    interrupted = Parts(gpu, 1)

    def save_and_stop(_):
        interrupted.checkpoint.save(tmp_path / "c")
        raise StopTraining("after the first batch")

    interrupted.go(on_step=save_and_stop)
    resumed = Parts(gpu, 99)
    resumed.checkpoint.load(tmp_path / "c")
    resumed.go()
    for one, other in zip(weights(whole.checkpoint.model), weights(resumed.checkpoint.model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert generator_on(gpu).get_state()["draws"] > 0


def test_a_checkpoint_goes_from_device_to_device(gpu, tmp_path):
    there, here = Parts(gpu, 1), Parts("cpu", 2)
    there.go()
    there.checkpoint.save(tmp_path / "c")
    here.checkpoint.load(tmp_path / "c")
    assert_same(weights(there.checkpoint.model), weights(here.checkpoint.model))
    here.checkpoint.save(tmp_path / "d")
    again = Parts(gpu, 3)
    again.checkpoint.load(tmp_path / "d")
    assert_same(weights(there.checkpoint.model), weights(again.checkpoint.model))
