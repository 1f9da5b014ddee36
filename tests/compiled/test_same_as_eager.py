"""Every layer and network hybridized beside the same one run eagerly: five calls with new images, random weights of the
loss. Outputs, gradients and buffers are the same bits: what is fused computes what its steps compute.
"""

import copy
import os

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.gradcheck.networks import REDUCED
from minitorch_kernels import memory

CALLS = 5
MAPS, ROWS = (3, 4, 6, 6), (4, 6)
SEQUENCE = (3, 4, 7)


@pytest.fixture(autouse=True)
def small_buffers_are_planned(monkeypatch):
    """Let the tiny arrays of these tests come from the planned memory."""
    monkeypatch.setattr(memory, "LARGE", 64)


def likely(rng, shape):
    """Numbers in (0, 1)."""
    return rng.uniform(0.1, 0.9, shape)


def labels(rng, shape):
    return rng.integers(0, 6, shape)


# The layer, the shape of its input, and for losses how the targets are drawn and their shape.
LAYERS = {
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(2), MAPS),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), MAPS),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), MAPS),
    "BCELoss": (nn.BCELoss, ROWS, likely, ROWS),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, ROWS, likely, ROWS),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), SEQUENCE),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4), MAPS),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), MAPS),
    "CircularPad2d": (lambda: nn.CircularPad2d(1), MAPS),
    "ConstantPad2d": (lambda: nn.ConstantPad2d(1, 0.5), MAPS),
    "Conv2d": (lambda: nn.Conv2d(4, 5, 3, padding=1), MAPS),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2), MAPS),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), ROWS, labels, (4,)),
    "DropConnectLinear": (lambda: nn.DropConnectLinear(6, 3), ROWS),
    "Dropout": (lambda: nn.Dropout(0.4), ROWS),
    "Dropout2d": (lambda: nn.Dropout2d(0.4), MAPS),
    "ELU": (nn.ELU, ROWS),
    "Embedding": (lambda: nn.Embedding(6, 3), labels, ROWS),
    "Flatten": (nn.Flatten, MAPS),
    "Fold": (lambda: nn.Fold((4, 4), 2), (2, 8, 9)),
    "GELU": (nn.GELU, ROWS),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), MAPS),
    "Hardsigmoid": (nn.Hardsigmoid, ROWS),
    "Hardswish": (nn.Hardswish, ROWS),
    "Hardtanh": (nn.Hardtanh, ROWS),
    "HuberLoss": (nn.HuberLoss, ROWS, likely, ROWS),
    "Identity": (nn.Identity, ROWS),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), MAPS),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), ROWS, likely, ROWS),
    "L1Loss": (nn.L1Loss, ROWS, likely, ROWS),
    "LayerNorm": (lambda: nn.LayerNorm(6), ROWS),
    "LazyBatchNorm1d": (nn.LazyBatchNorm1d, SEQUENCE),
    "LazyBatchNorm2d": (nn.LazyBatchNorm2d, MAPS),
    "LazyConv2d": (lambda: nn.LazyConv2d(3, 3), MAPS),
    "LazyConvTranspose2d": (lambda: nn.LazyConvTranspose2d(3, 2), MAPS),
    "LazyLinear": (lambda: nn.LazyLinear(3), ROWS),
    "LeakyReLU": (nn.LeakyReLU, ROWS),
    "Linear": (lambda: nn.Linear(6, 3), ROWS),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), MAPS),
    "LogSigmoid": (nn.LogSigmoid, ROWS),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), ROWS),
    "MSELoss": (nn.MSELoss, ROWS, likely, ROWS),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), MAPS),
    "Mish": (nn.Mish, ROWS),
    "NLLLoss": (nn.NLLLoss, ROWS, labels, (4,)),
    "PReLU": (lambda: nn.PReLU(4), MAPS),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), MAPS),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), MAPS),
    "ReLU": (nn.ReLU, ROWS),
    "ReLU6": (nn.ReLU6, ROWS),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), MAPS),
    "ReplicationPad2d": (lambda: nn.ReplicationPad2d(1), MAPS),
    "SiLU": (nn.SiLU, ROWS),
    "Sigmoid": (nn.Sigmoid, ROWS),
    "SmoothL1Loss": (nn.SmoothL1Loss, ROWS, likely, ROWS),
    "Softmax": (lambda: nn.Softmax(1), ROWS),
    "Softmax2d": (nn.Softmax2d, MAPS),
    "Softplus": (lambda: nn.Softplus(beta=2.0), ROWS),
    "StochasticDepth": (lambda: nn.StochasticDepth(0.4, "row"), MAPS),
    "SyncBatchNorm": (lambda: nn.SyncBatchNorm(4), MAPS),
    "Tanh": (nn.Tanh, ROWS),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 3)), ROWS),
    "Unfold": (lambda: nn.Unfold(2), MAPS),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), MAPS),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), MAPS),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(scale_factor=2), MAPS),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), MAPS),
}
CONTAINERS = {"Module", "ModuleDict", "ModuleList", "ParameterList", "Sequential"}
WITH_INPLACE = ("ELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SiLU", "Dropout")


def test_no_layer_is_forgotten():
    layers = {name for name, value in vars(nn).items() if isinstance(value, type) and issubclass(value, nn.Module)}
    assert layers - CONTAINERS == set(LAYERS)


class Written(nn.Module):
    """Writes in place to what goes into a network, and to what comes out."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, *targets):
        inside = x * 1 if x.is_floating_point() else x
        if inside.is_floating_point():
            inside.mul_(0.9)
            inside += 0.01
        y = self.net(inside, *targets) * 1
        y *= 1.5
        if y.ndim:
            y[..., :1] = y[..., :1] * 0.5
        return y


class Doubled(nn.Module):
    """y = 2 x, in memory of its own that no other layer keeps for its gradient."""

    def forward(self, x):
        return x * 2


class Replaced(nn.Module):
    """Returns a tensor that was made empty, and written to part by part."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, *targets):
        y = self.net(x, *targets)
        out = torch.zeros(y.shape, dtype=y.dtype)
        out.copy_(y)
        out.sub_(y.detach() * 0.5)
        return out


def drawn(rng, spec):
    """The inputs of one call: the maps, rows or labels, and a target if the layer is a loss."""
    first, *rest = spec
    if callable(first):  # labels
        return [torch.tensor(first(rng, rest[0]))]
    values = rng.uniform(0.1, 0.9, first) if rest else rng.standard_normal(first)
    inputs = [torch.tensor(values.astype(np.float32), requires_grad=True)]
    if rest:
        target = rest[0](rng, rest[1])
        inputs.append(torch.tensor(target.astype(np.float32) if target.dtype.kind == "f" else target))
    return inputs


def assert_five_calls_agree(eager, recorded, spec):
    """Both networks give the same bits in five calls, and learn a little in between."""
    rng = np.random.default_rng(7)
    for call in range(CALLS):
        inputs = drawn(rng, spec)
        outputs, gradients = [], []
        weights = None
        for net in (eager, recorded):
            given = [copy.deepcopy(value) for value in inputs]
            torch.manual_seed(call)
            y = net(*given)
            if weights is None:
                weights = torch.tensor(rng.standard_normal(y.shape).astype(np.float32))
            net.zero_grad()
            if y.requires_grad:
                (y * weights).sum().backward()
            outputs.append(y.detach().numpy())
            leaves = [*(value for value in given if value.is_floating_point()), *net.parameters()]
            gradients.append([None if leaf.grad is None else leaf.grad.numpy().copy() for leaf in leaves])
            with torch.no_grad():
                for parameter in net.parameters():
                    if parameter.grad is not None:
                        parameter -= 0.01 * parameter.grad
        np.testing.assert_array_equal(outputs[1], outputs[0], err_msg=f"output of call {call}")
        for number, (want, got) in enumerate(zip(*gradients, strict=True)):
            assert (want is None) == (got is None), f"call {call}, gradient {number}"
            if want is not None:
                np.testing.assert_array_equal(got, want, err_msg=f"call {call}, gradient {number}")
        for (name, want), (_, got) in zip(eager.named_buffers(), recorded.named_buffers(), strict=True):
            np.testing.assert_array_equal(got.numpy(), want.numpy(), err_msg=f"call {call}, buffer {name}")


def pair(build):
    """The same network twice."""
    torch.manual_seed(3)
    net = build()
    return net, copy.deepcopy(net)


@pytest.mark.parametrize("around", [lambda net: net, Written, Replaced], ids=["plain", "written", "replaced"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, around):
    build, *spec = LAYERS[name]
    eager, recorded = pair(lambda: around(build()))
    assert_five_calls_agree(eager, recorded.hybridize(), spec)
    recordings = [recording for kept in recorded._compiled.recordings.values() for recording in kept]
    assert recordings, "nothing was replayed"


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layer_as_a_block(name, alone):
    """Between other layers, hybridized with them or alone."""
    build, *spec = LAYERS[name]
    if len(spec) > 1:
        pytest.skip("a loss, or labels as input: no block of a network")
    eager, recorded = pair(lambda: nn.Sequential(nn.Tanh(), build(), Doubled(), nn.SiLU(inplace=True)))
    (recorded[1] if alone else recorded).hybridize()
    assert_five_calls_agree(eager, recorded, spec)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("name", WITH_INPLACE)
def test_layer_in_place(name, alone):
    eager, recorded = pair(lambda: nn.Sequential(nn.Linear(6, 5), getattr(nn, name)(inplace=True)))
    (recorded[1] if alone else recorded).hybridize()
    assert_five_calls_agree(eager, recorded, [ROWS])


QUICK = ["LeNet", "MLP", "BN-LeNet", "softmax regression"]
if not os.environ.get("NUMBA_DISABLE_JIT", "0").strip("0"):  # as plain Python, these take half a minute each
    QUICK += ["ResNet-18", "MobileNet v2"]
NETWORKS = [
    pytest.param(
        network, id=f"{network.name} {network.label}", marks=() if network.name in QUICK else pytest.mark.networks
    )
    for network in REDUCED
]


@pytest.mark.parametrize("network", NETWORKS)
def test_network(network):
    eager, recorded = pair(network.build)
    assert_five_calls_agree(eager, recorded.hybridize(), [network.shape])


@pytest.mark.parametrize("network", NETWORKS)
def test_network_with_blocks_hybridized_one_by_one(network):
    """First every second child, then the others as well, so that blocks stand beside eager ones."""
    eager, recorded = pair(network.build)
    children = [child for child in recorded.modules() if child is not recorded and not [*child.children()]]
    for child in children[::2]:
        child.hybridize()
    assert_five_calls_agree(eager, recorded, [network.shape])
