import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.resnet import ResNet
from minitorch_cv.models.resnext import resnext50, resnext_block

from .stages import losses_of, parameter_count, stage_shapes, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_the_books_block():
    """Its block of 32 channels that keeps the shape of (4, 32, 96, 96): two groups of 16."""
    block = resnext_block(32, 32, groups=2, bot_mul=1)
    assert block(torch.randn(4, 32, 6, 6)).shape == (4, 32, 6, 6)
    assert block.downsample is None
    assert [tuple(conv.weight.shape) for conv in (block.conv1, block.conv2, block.conv3)] == [
        *((32, 32, 1, 1), (32, 16, 3, 3), (32, 32, 1, 1))
    ]
    assert all(conv.bias is not None for conv in (block.conv1, block.conv2, block.conv3))


def test_the_shortcut_has_batch_norm():
    block = resnext_block(8, 16, strides=2, groups=4)
    assert [type(layer) for layer in block.downsample] == [nn.Conv2d, nn.BatchNorm2d]
    assert block.downsample[0].bias is not None
    assert block(torch.randn(4, 8, 6, 6)).shape == (4, 16, 3, 3)


def test_groups_know_nothing_of_each_other():
    block = resnext_block(8, 8, groups=4, bot_mul=1)
    x = torch.randn(1, 8, 3, 3, requires_grad=True)
    block.conv2(x)[:, :2].sum().backward()
    assert np.abs(x.grad.numpy()[:, :2]).min() > 0
    assert not x.grad.numpy()[:, 2:].any()


def test_stages_and_parameters(monkeypatch):
    undrawn(monkeypatch)
    net = resnext50()
    shapes = stage_shapes(net, 1, 1, 64, 64)
    assert [shapes[f"layer{i}"] for i in (1, 2, 3, 4)] == [
        *((1, 256, 16, 16), (1, 512, 8, 8), (1, 1024, 4, 4), (1, 2048, 2, 2))
    ]
    assert shapes["layer1.0.conv2"] == (1, 128, 16, 16)
    assert net.layer1[0].conv2.groups == net.layer4[2].conv2.groups == 32
    assert parameter_count(net) == 23_028_234


def test_options(monkeypatch):
    undrawn(monkeypatch)
    net = resnext50(3, 7, stochastic_depth=0.16)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert [net.layer1[0].stochastic_depth.p, net.layer4[2].stochastic_depth.p] == pytest.approx([0.01, 0.16])


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = ResNet(resnext_block, (1, 1, 1, 1), (64, 64, 64, 64))
    images, labels = torch.randn(4, 1, 20, 20), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.1, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
