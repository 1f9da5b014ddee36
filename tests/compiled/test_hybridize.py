"""`net.hybridize()`: the forward is recorded, and is one node of the caller's graph."""

import copy

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import functional as F
from minitorch_kernels import memory

from .training import Dense, Residual, assert_same, batches, conv_net, trainer


@pytest.fixture(autouse=True)
def small_buffers_are_planned(monkeypatch):
    """Let the tiny arrays of these tests come from the arena."""
    monkeypatch.setattr(memory, "LARGE", 64)


@pytest.mark.parametrize("build", [conv_net, Residual, Dense])
def test_training_is_the_same_bits(build):
    net, _, eager = trainer(build, momentum=0.9)
    other, _, step = trainer(build, momentum=0.9)
    other.hybridize()
    for number, (x, y) in enumerate(batches(6)):
        losses = []
        for run in (eager, step):
            torch.manual_seed(number)
            losses.append(run(x, y).item())
        assert losses[0] == losses[1]
        assert_same(net, other)
    plan = other._compiled.plan
    assert plan.arena_bytes < plan.requested_bytes


def test_it_can_be_switched_off():
    calls = []

    class Counted(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x * 2

    net = Counted().hybridize()
    for _ in range(5):
        net(torch.ones(2))
    assert len(calls) == 2
    net.hybridize(False)
    net(torch.ones(2))
    assert len(calls) == 3


def test_the_gradient_goes_on_into_the_input():
    net = conv_net().hybridize()
    plain = copy.deepcopy(net).hybridize(False)
    for x, _ in batches(5):
        grads = []
        for model in (plain, net):
            leaf = x.clone().requires_grad_()
            model(leaf * 2).sum().backward()
            grads.append(leaf.grad.numpy())
        np.testing.assert_array_equal(*grads)
    assert_same(plain, net)


def test_two_forwards_before_their_backwards():
    net, other = (trainer(conv_net)[0] for _ in range(2))
    other.hybridize()
    data = batches(10)
    for (x, y), (x2, y2) in zip(data[::2], data[1::2]):
        for model in (net, other):
            first, second = model(x), model(x2)
            kept = second.detach().numpy().copy()
            F.cross_entropy(first, y).backward()
            np.testing.assert_array_equal(second.detach().numpy(), kept)
            F.cross_entropy(second, y2).backward()
        assert_same(net, other)


def test_the_result_is_the_callers():
    net = conv_net().hybridize()
    data = batches(6)
    with torch.no_grad():
        for x, _ in data[:4]:
            net(x)
        first = net(data[4][0])
        copied = first.numpy().copy()
        net(data[5][0])
    np.testing.assert_array_equal(first.numpy(), copied)


def test_a_parameter_changed_before_the_backward_raises():
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh()).hybridize()
    for _ in range(4):
        y = net(torch.ones(1, 3, requires_grad=True)).sum()
    with torch.no_grad():
        net[0].weight += 1
    with pytest.raises(RuntimeError, match=r"shape \(2, 3\) that it reads was changed in place"):
        y.backward()


def test_a_second_backward_raises():
    net = nn.Linear(3, 2).hybridize()
    for _ in range(4):
        y = net(torch.ones(1, 3)).sum()
    y.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="a second backward through a recorded step"):
        y.backward()


def test_inside_a_compiled_step_all_is_recorded_in_one_list():
    net, _, step = trainer(conv_net)
    net.hybridize()
    run = torch.compile(step)
    for x, y in batches(4):
        run(x, y)
    assert net._compiled.latest is None
    assert any(row.name == "convolution backward" for row in run.plan.rows)


def test_hooks_of_the_network_itself_are_called():
    seen = []
    net = nn.Linear(3, 2).hybridize()
    net.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    for _ in range(4):
        net(torch.ones(1, 3))
    assert seen == [(1, 2)] * 4


def test_a_result_that_was_dropped_at_first_and_is_held_later():
    net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.Sigmoid(), nn.Conv2d(3, 3, 3, padding=1)).hybridize()
    data = batches(7)
    for x, _ in data[:5]:
        net(x).sum().backward()
    held = net(data[5][0])
    copied = held.detach().numpy().copy()
    held.sum().backward()
    net(data[6][0]).sum().backward()
    np.testing.assert_array_equal(held.detach().numpy(), copied)
