import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.preact_resnet import (
    PreActBottleneck,
    PreActResidual,
    preact_resnet18,
    preact_resnet34,
    preact_resnet50,
)
from minitorch_cv.models.resnet import ResNet

from .stages import losses_of, parameter_count, stage_shapes, undrawn

BLOCKS = [(PreActResidual, "conv2"), (PreActBottleneck, "conv3")]


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_resnets_shape_and_batch_norm_and_relu_follow_the_last():
    shapes = stage_shapes(preact_resnet18(), 1, 1, 96, 96)
    assert {name: shape for name, shape in shapes.items() if "." not in name and name} == {
        "conv1": (1, 64, 48, 48),
        "bn1": (1, 64, 48, 48),
        "relu": (1, 64, 48, 48),
        "maxpool": (1, 64, 24, 24),
        "layer1": (1, 64, 24, 24),
        "layer2": (1, 128, 12, 12),
        "layer3": (1, 256, 6, 6),
        "layer4": (1, 512, 3, 3),
        "bn_last": (1, 512, 3, 3),
        "relu_last": (1, 512, 3, 3),
        "avgpool": (1, 512, 1, 1),
        "flatten": (1, 512),
        "fc": (1, 10),
    }
    assert [name.removeprefix("layer2.0.") for name in shapes if name.startswith("layer2.0.")] == [
        *("bn1", "relu1", "conv1", "bn2", "relu2", "conv2", "downsample")
    ]


@pytest.mark.parametrize(
    ("build", "parameters"),
    [(preact_resnet18, 11_178_506), (preact_resnet34, 21_290_378), (preact_resnet50, 23_541_258)],
)
def test_parameters(monkeypatch, build, parameters):
    undrawn(monkeypatch)
    assert parameter_count(build()) == parameters


@pytest.mark.parametrize(("block", "last"), BLOCKS)
def test_nothing_stands_between_the_input_and_the_sum(block, last):
    net = block(8, 8)
    for parameter in net.get_submodule(last).parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 4, 4)
    assert np.array_equal(net(x).detach().numpy(), x.numpy())


@pytest.mark.parametrize(("block", "last"), BLOCKS)
def test_a_changed_shape_comes_from_the_active_input(block, last):
    net = block(8, 16, stride=2)
    for parameter in net.get_submodule(last).parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 5, 5)
    expected = net.downsample(nn.functional.relu(net.bn1(x)))
    assert expected.shape == (2, 16, 3, 3)
    assert np.array_equal(net(x).detach().numpy(), expected.detach().numpy())


@pytest.mark.parametrize(("block", "last"), BLOCKS)
def test_a_skipped_block_is_its_input(block, last):
    net = block(8, 8, stochastic_depth=1.0)
    x = torch.randn(2, 8, 4, 4)
    assert np.array_equal(net(x).detach().numpy(), x.numpy())
    assert not np.allclose(net.eval()(x).detach().numpy(), x.numpy())


def test_options(monkeypatch):
    undrawn(monkeypatch)
    net = preact_resnet50(3, 7, stochastic_depth=0.16)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert [net.layer1[0].stochastic_depth.p, net.layer4[2].stochastic_depth.p] == pytest.approx([0.01, 0.16])


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = ResNet(PreActResidual, (1, 1, 1, 1), (16, 16, 32, 32), norm_last=True)
    images, labels = torch.randn(4, 1, 20, 20), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.1, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
