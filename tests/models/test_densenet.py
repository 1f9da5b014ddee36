import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.densenet import (
    DenseBlock,
    DenseNet,
    bottleneck_block,
    conv_block,
    densenet,
    densenet121,
    densenet169,
    densenet201,
    transition_block,
)

from .stages import losses_of, parameter_count, stage_shapes, undrawn

STAGES = {
    "features.conv0": (1, 64, 48, 48),
    "features.norm0": (1, 64, 48, 48),
    "features.relu0": (1, 64, 48, 48),
    "features.pool0": (1, 64, 24, 24),
    "features.denseblock1": (1, 192, 24, 24),
    "features.transition1": (1, 96, 12, 12),
    "features.denseblock2": (1, 224, 12, 12),
    "features.transition2": (1, 112, 6, 6),
    "features.denseblock3": (1, 240, 6, 6),
    "features.transition3": (1, 120, 3, 3),
    "features.denseblock4": (1, 248, 3, 3),
    "features.norm5": (1, 248, 3, 3),
    "relu": (1, 248, 3, 3),
    "avgpool": (1, 248, 1, 1),
    "flatten": (1, 248),
    "classifier": (1, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_the_books_shape():
    shapes = stage_shapes(densenet(), 1, 1, 96, 96)
    assert {name: shapes[name] for name in shapes if name in STAGES} == STAGES
    assert [name for name in shapes if name in STAGES] == list(STAGES)
    assert [shapes[f"features.denseblock1.denselayer{i}"] for i in (1, 2, 3, 4)] == [(1, 32, 24, 24)] * 4


def test_the_books_dense_block_and_transition():
    block = DenseBlock(2, 3, 10)
    assert [layer.conv.in_channels for layer in block] == [3, 13]
    y = block(torch.randn(4, 3, 8, 8))
    assert y.shape == (4, 23, 8, 8)
    assert transition_block(23, 10)(y).shape == (4, 10, 4, 4)


def test_a_dense_block_puts_each_layer_beside_what_it_saw():
    block, x = DenseBlock(2, 3, 5), torch.randn(2, 3, 4, 4)
    y = block(x)
    first, second = block
    assert np.array_equal(y[:, :3].detach().numpy(), x.numpy())
    assert np.array_equal(y[:, 3:8].detach().numpy(), first(x).detach().numpy())
    assert np.array_equal(y[:, 8:].detach().numpy(), second(y[:, :8]).detach().numpy())


def test_layers():
    layer = conv_block(3, 10)
    assert [type(part) for part in layer] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d]
    assert layer.conv.bias is not None
    layer = bottleneck_block(3, 10, bn_size=2, drop_rate=0.3)
    assert list(dict(layer.named_children())) == ["norm1", "relu1", "conv1", "norm2", "relu2", "conv2", "dropout"]
    assert [layer.conv1.out_channels, layer.conv2.out_channels, layer.dropout.p] == [20, 10, 0.3]
    assert layer.conv1.bias is layer.conv2.bias is None
    assert [type(part) for part in transition_block(4, 2)] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.AvgPool2d]


@pytest.mark.parametrize(
    ("build", "depths", "parameters"),
    [
        (densenet, [4, 4, 4, 4], 758_226),
        (densenet121, [6, 12, 24, 16], 6_957_834),
        (densenet169, [6, 12, 32, 32], 12_494_858),
        (densenet201, [6, 12, 48, 32], 18_105_866),
    ],
)
def test_blocks_and_parameters(monkeypatch, build, depths, parameters):
    undrawn(monkeypatch)
    net = build()
    assert [len(getattr(net.features, f"denseblock{i}")) for i in (1, 2, 3, 4)] == depths
    assert parameter_count(net) == parameters


@pytest.mark.parametrize("build", [densenet121, densenet169, densenet201])
def test_drop_rate(monkeypatch, build):
    undrawn(monkeypatch)
    net = build(drop_rate=0.25)
    drops = [module.p for module in net.modules() if isinstance(module, nn.Dropout)]
    assert drops == [0.25] * sum(len(getattr(net.features, f"denseblock{i}")) for i in (1, 2, 3, 4))
    assert not any(isinstance(module, nn.Dropout) for module in build().modules())


@pytest.mark.parametrize("build", [densenet, densenet121])
def test_weights_start_xavier_uniform(build):
    conv = build().features.transition2.conv
    bound = math.sqrt(6 / (conv.in_channels + conv.out_channels))
    assert 0.99 * bound < np.abs(conv.weight.detach().numpy()).max() <= bound


def test_channels_classes_and_the_smallest_image():
    assert densenet(3, 7)(torch.zeros(2, 3, 29, 40)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: densenet(0), "DenseNet: in_channels=0; choose 1 or more"),
        (lambda: densenet121(num_classes=0), "DenseNet: num_classes=0; choose 1 or more"),
        (lambda: densenet121(drop_rate=1.5), "Dropout: p=1.5 is no probability"),
        (lambda: densenet()(torch.zeros(1, 1, 28, 28)), "DenseNet: needs images of at least 29x29 pixels, got"),
        (lambda: densenet()(torch.zeros(1, 3, 32, 32)), r"DenseNet: takes .* \(N, 1, H, W\), got \(1, 3, 32, 32\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = DenseNet(growth_rate=16, block_config=(2, 2, 2, 2), num_init_features=16)
    images, labels = torch.randn(4, 1, 32, 32), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.2, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
