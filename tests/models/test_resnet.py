import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.resnet import (
    Bottleneck,
    Residual,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
)

from .stages import losses_of, parameter_count, stage_shapes, undrawn

STAGES = {
    "conv1": (1, 64, 48, 48),
    "maxpool": (1, 64, 24, 24),
    "layer1": (1, 64, 24, 24),
    "layer2": (1, 128, 12, 12),
    "layer3": (1, 256, 6, 6),
    "layer4": (1, 512, 3, 3),
    "avgpool": (1, 512, 1, 1),
    "flatten": (1, 512),
    "fc": (1, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    """The plain NumPy kernels, which are quick also where Numba does not compile."""
    with torch.use("reference"):
        yield


def test_every_stage_has_the_books_shape():
    shapes = stage_shapes(resnet18(), 1, 1, 96, 96)
    assert {name: shapes[name] for name in STAGES} == STAGES
    assert [name for name in shapes if "." not in name and name] == [
        *("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc")
    ]


def test_bottlenecks_have_a_quarter_of_the_channels_inside(monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(resnet50(), 1, 1, 64, 64)
    assert [shapes[f"layer{i}"] for i in (1, 2, 3, 4)] == [
        *((1, 256, 16, 16), (1, 512, 8, 8), (1, 1024, 4, 4), (1, 2048, 2, 2))
    ]
    # the 3x3 convolution strides, not the 1x1 before it
    assert [shapes[f"layer2.0.conv{i}"] for i in (1, 2, 3)] == [(1, 128, 16, 16), (1, 128, 8, 8), (1, 512, 8, 8)]


@pytest.mark.parametrize(
    ("build", "depths", "parameters"),
    [
        (resnet18, [2, 2, 2, 2], 11_178_378),
        (resnet34, [3, 4, 6, 3], 21_290_250),
        (resnet50, [3, 4, 6, 3], 23_541_130),
        (resnet101, [3, 4, 23, 3], 42_559_370),
        (resnet152, [3, 8, 36, 3], 58_226_058),
    ],
)
def test_blocks_and_parameters(monkeypatch, build, depths, parameters):
    undrawn(monkeypatch)
    net = build()
    assert [len(getattr(net, f"layer{i}")) for i in (1, 2, 3, 4)] == depths
    assert parameter_count(net) == parameters


@pytest.mark.parametrize("block", [Residual, Bottleneck])
def test_a_block_keeps_the_shape_or_changes_channels_and_stride(block):
    x = torch.randn(2, 8, 5, 5)
    assert block(8, 8).downsample is None
    assert block(8, 8)(x).shape == (2, 8, 5, 5)
    assert block(8, 16)(x).shape == (2, 16, 5, 5)
    assert block(8, 16, stride=2)(x).shape == (2, 16, 3, 3)
    assert block(8, 8, stride=2)(x).shape == (2, 8, 3, 3)


@pytest.mark.parametrize("block", [Residual, Bottleneck])
def test_the_books_shortcut_is_a_bare_convolution_and_the_originals_has_batch_norm(block):
    book = block(8, 16, stride=2)
    assert isinstance(book.downsample, nn.Conv2d)
    assert book.downsample.bias is not None
    assert book.conv1.bias is not None
    conv, norm = block(8, 16, bias=False, shortcut_norm=True).downsample
    assert conv.bias is None
    assert isinstance(norm, nn.BatchNorm2d)


@pytest.mark.parametrize(("block", "last"), [(Residual, "bn2"), (Bottleneck, "bn3")])
def test_a_block_that_adds_nothing_is_relu(block, last):
    net = block(8, 8)
    nn.init.zeros_(net.get_submodule(last).weight)
    x = torch.randn(2, 8, 4, 4)
    assert np.array_equal(net(x).detach().numpy(), np.maximum(x.numpy(), 0))


@pytest.mark.parametrize("block", [Residual, Bottleneck])
def test_attention_is_given_the_channels_and_stands_before_the_sum(block):
    class Nothing(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.channels = channels

        def forward(self, input):
            return input * 0

    net = block(4, 12, attention=Nothing)
    x = torch.randn(2, 4, 4, 4)
    assert net.attention.channels == 12
    assert np.array_equal(net(x).detach().numpy(), np.maximum(net.downsample(x).detach().numpy(), 0))


def test_stochastic_depth_grows_linearly_to_the_last_block(monkeypatch):
    undrawn(monkeypatch)
    net = resnet34(stochastic_depth=0.5)
    blocks = [block for i in (1, 2, 3, 4) for block in getattr(net, f"layer{i}")]
    assert [block.stochastic_depth.p for block in blocks] == pytest.approx([0.5 * l / 16 for l in range(1, 17)])
    assert {block.stochastic_depth.mode for block in blocks} == {"row"}
    assert not any(isinstance(module, nn.StochasticDepth) for module in resnet34().modules())


@pytest.mark.parametrize("block", [Residual, Bottleneck])
def test_a_skipped_block_is_its_shortcut(block):
    net = block(8, 8, stochastic_depth=1.0)
    x = torch.randn(2, 8, 4, 4)
    skipped = np.maximum(x.numpy(), 0)
    assert np.array_equal(net(x).detach().numpy(), skipped)
    assert not np.allclose(net.eval()(x).detach().numpy(), skipped)


def test_weights_start_xavier_uniform_and_biases_as_usual():
    conv = resnet18().layer3[0].conv1
    bound = math.sqrt(6 / (128 * 9 + 256 * 9))
    assert 0.99 * bound < np.abs(conv.weight.detach().numpy()).max() <= bound
    assert 0 < np.abs(conv.bias.detach().numpy()).max() <= 1 / math.sqrt(128 * 9)


def test_channels_classes_and_a_small_image():
    assert resnet18(3, 7)(torch.zeros(2, 3, 20, 33)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: resnet18(0), "ResNet: in_channels=0; choose 1 or more"),
        (lambda: resnet50(num_classes=0), "ResNet: num_classes=0; choose 1 or more"),
        (lambda: resnet18(stochastic_depth=1.5), "ResNet: stochastic_depth=1.5 is no probability; choose a number"),
        (lambda: resnet18()(torch.zeros(1, 3, 32, 32)), r"ResNet: takes .* \(N, 1, H, W\), got \(1, 3, 32, 32\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = ResNet(Residual, (1, 1, 1, 1), (16, 16, 32, 32))
    images, labels = torch.randn(4, 1, 20, 20), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.1, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
