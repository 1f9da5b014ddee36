"""A network that is hybridized and then changed computes what it does without; and what it writes in place counts."""

import copy
import types

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn, train


def small():
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 5))


class Blocks(nn.Module):
    """Layers in containers that are not called themselves, in a plain list, and numbers that the forward reads."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(5, 5), nn.Tanh()])
        self.named = nn.ModuleDict({"last": nn.Linear(5, 5)})
        self.register_buffer("shift", torch.ones(5))
        self.plain = [nn.Tanh()]
        self.scale = 2.0
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        for layer in self.plain:
            x = layer(x)
        return self.named["last"](self.drop(x)) * self.scale + self.shift


def forward_of(net, function):
    net.forward = types.MethodType(function, net)


CHANGES = {
    "a layer replaced": (small, lambda n: n.__setitem__(2, nn.Linear(8, 3))),
    "the head replaced": (small, lambda n: train.replace_head(n, 3)),
    "a layer appended": (small, lambda n: n.append(nn.ReLU())),
    "a layer inserted": (small, lambda n: n.insert(1, nn.Linear(8, 8))),
    "a layer removed": (lambda: nn.Sequential(nn.Tanh(), nn.Tanh(), nn.Linear(5, 5)), lambda n: n.__delitem__(1)),
    "a parameter replaced": (small, lambda n: setattr(n[0], "weight", nn.Parameter(torch.ones(8, 5)))),
    "a bias removed": (small, lambda n: setattr(n[0], "bias", None)),
    "parameters tied": (
        lambda: nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5)),
        lambda n: setattr(n[2], "weight", n[0].weight),
    ),
    "parameters untied": (
        lambda: tied(nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))),
        lambda n: setattr(n[1], "weight", nn.Parameter(torch.ones(5, 5))),
    ),
    "a parameter's data replaced": (small, lambda n: setattr(n[0].weight, "data", torch.ones(8, 5))),
    "a parameter frozen": (small, lambda n: n[0].weight.requires_grad_(False)),
    "a block of a ModuleList": (Blocks, lambda n: n.blocks.append(nn.ReLU())),
    "a block of a ModuleDict": (Blocks, lambda n: n.named.__setitem__("last", nn.Linear(5, 5))),
    "a layer in a plain list": (Blocks, lambda n: n.plain.append(nn.Linear(5, 5))),
    "a buffer replaced": (Blocks, lambda n: setattr(n, "shift", torch.zeros(5))),
    "a number": (Blocks, lambda n: setattr(n, "scale", 3.0)),
    "the p of a dropout": (Blocks, lambda n: setattr(n.drop, "p", 0.0)),
    "evaluation": (Blocks, lambda n: n.eval()),
    "evaluation of one layer": (Blocks, lambda n: n.drop.eval()),
    "the forward of an object": (small, lambda n: forward_of(n[1], lambda self, x: x * 3)),
    "the forward of the whole": (small, lambda n: forward_of(n, lambda self, x: self[0](x) * 3)),
    "the class of a layer": (small, lambda n: setattr(n[1], "__class__", nn.Sigmoid)),
}


def tied(net):
    net[1].weight = net[0].weight
    return net


@pytest.mark.parametrize("after", [1, 2, 3, 5])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change, after):
    build, do = CHANGES[change]
    torch.manual_seed(0)
    eager = build()
    fast = copy.deepcopy(eager).hybridize()
    x = torch.randn(4, 5)
    for _ in range(after):
        fast(x)
    for net in (eager, fast):
        torch.manual_seed(1)
        do(net)
    for call in range(4):
        results = []
        for net in (eager, fast):
            torch.manual_seed(call)
            net.zero_grad()
            y = net(x)
            (y * torch.randn(y.shape)).sum().backward()
            gradients = [None if p.grad is None else p.grad.numpy() for p in net.parameters()]
            results.append([y.detach().numpy(), *gradients])
        for want, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_class_whose_forward_is_replaced(monkeypatch):
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh()).hybridize()
    x = torch.randn(2, 3)
    for _ in range(3):
        net(x)
    monkeypatch.setattr(nn.Tanh, "forward", lambda self, x: x * 7)
    np.testing.assert_array_equal(net(x).detach().numpy(), (net[0](x) * 7).detach().numpy())


def test_weights_that_are_trained_or_loaded_need_no_new_recording():
    net = small().hybridize()
    x = torch.randn(4, 5)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(6):
        net(x).sum().backward()
        optimizer.step()
        net.load_state_dict(net.state_dict())
    assert sum(map(len, net._compiled.recordings.values())) == 1


@pytest.mark.parametrize("calls", [2, 3])
@pytest.mark.parametrize("later_first", [False, True])
@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2, momentum=0.5)),
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2, track_running_stats=True)),
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Dropout(0.5), nn.GroupNorm(2, 4), nn.SiLU(inplace=True)),
    ],
)
def test_several_calls_before_one_backward(build, later_first, calls):
    """A critic on real and made-up images, a pair of twins: each call keeps what its own backward needs."""
    torch.manual_seed(0)
    eager = build()
    fast = copy.deepcopy(eager).hybridize()
    rng = np.random.default_rng(0)
    for step in range(4):
        images = [torch.tensor(rng.standard_normal((3, 1, 5, 5)).astype(np.float32)) for _ in range(calls)]
        results = []
        for net in (eager, fast):
            torch.manual_seed(step)
            net.zero_grad()
            outputs = [net(x) for x in images]
            terms = [(y * torch.randn(y.shape)).sum() for y in outputs]
            for term in reversed(terms) if later_first else [sum(terms[1:], terms[0])]:
                term.backward()
            results.append([*(y.detach().numpy() for y in outputs), *(p.grad.numpy() for p in net.parameters())])
        for want, got in zip(*results, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def accumulate(x, layer):
    out = torch.zeros(2, 3)
    out[0] = layer(x[0])
    out[1] = layer(x[1]) * 2
    return out


WRITERS = {
    "a part of a new tensor": accumulate,
    "the whole of an empty one": lambda x, layer: torch.empty(2, 3).copy_(layer(x)),
    "twice": lambda x, layer: layer(x).mul_(2).add_(x),
    "and out of place": lambda x, layer: layer(x).mul_(2).add_(x) * x,
    "then read before": lambda x, layer: (lambda y: y.add_(y.detach() * 0.5))(layer(x) * 1),
    "returned twice": lambda x, layer: (lambda y: [y, y])(layer(x).mul_(3)),
    "beside its detached self": lambda x, layer: (lambda y: [y.detach(), y])(layer(x) * 3),
    "in a dictionary": lambda x, layer: {"b": layer(x).neg_(), "a": x.detach()},
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_returned_and_was_written_in_place(name):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x):
            return WRITERS[name](x, self.fc)

    torch.manual_seed(0)
    eager = Net()
    fast = copy.deepcopy(eager).hybridize()
    rng = np.random.default_rng(1)
    for _ in range(5):
        values = rng.standard_normal((2, 3)).astype(np.float32)
        weights = torch.tensor(rng.standard_normal((2, 3)).astype(np.float32))
        results = []
        for net in (eager, fast):
            x = torch.tensor(values, requires_grad=True)
            net.zero_grad()
            y = net(x)
            parts = list(y.values()) if isinstance(y, dict) else y if isinstance(y, list) else [y]
            wanted = [part for part in parts if part.requires_grad]
            sum(((part * weights * (n + 1)).sum() for n, part in enumerate(wanted)), torch.zeros(())).backward()
            gradients = [p.grad.numpy() for p in (x, *net.parameters())]
            results.append([*(part.detach().numpy() for part in parts), *gradients])
        for want, got in zip(*results, strict=True):
            np.testing.assert_array_equal(got, want)


def test_an_argument_that_is_written_and_returned():
    scale = torch.tensor([2.0, 3.0], requires_grad=True)

    def step(x):
        x *= scale
        return x

    fast = torch.compile(step)
    for call in range(5):
        scale.grad = None
        x = torch.tensor([1.0 + call, -1.0])
        y = fast(x)
        assert y is x
        (y * torch.tensor([1.0, 5.0])).sum().backward()
        np.testing.assert_array_equal(scale.grad.numpy(), [1.0 + call, -5.0])


def test_a_leaf_does_not_take_the_recording_of_a_result():
    fast = torch.compile(lambda x: x.mul_(2))
    for _ in range(4):
        fast(torch.ones(2, requires_grad=True) * 1)
    with pytest.raises(RuntimeError, match="leaf that requires grad"):
        fast(torch.ones(2, requires_grad=True))


def test_a_write_that_leaves_the_step_by_the_back_door_is_refused():
    memory = torch.zeros(2)
    weight = torch.tensor([2.0, 3.0], requires_grad=True)

    def step(x):
        memory.copy_(x * weight)
        return x * 2

    with pytest.raises(torch.compiled.RecordingError, match=r"overwrite into a tensor of shape \(2,\) from outside"):
        torch.compile(step)(torch.ones(2))
