import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.efficientnet import MBConv, efficientnet_b0
from minitorch_cv.models.se_resnet import SqueezeExcitation

from .stages import following_the_batch, learns_by_heart, parameter_count, stage_shapes, undrawn

STAGES = {
    "features.0": (2, 32, 48, 48),
    "features.1": (2, 16, 48, 48),
    "features.2": (2, 24, 24, 24),
    "features.3": (2, 40, 12, 12),
    "features.4": (2, 80, 6, 6),
    "features.5": (2, 112, 6, 6),
    "features.6": (2, 192, 3, 3),
    "features.7": (2, 320, 3, 3),
    "features.8": (2, 1280, 3, 3),
    "flatten": (2, 1280),
    "classifier": (2, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_its_shape(monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(efficientnet_b0(), 2, 1, 96, 96)
    assert {name: shapes[name] for name in STAGES} == STAGES


def test_parameters(monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(efficientnet_b0(3, 1000)) == 5_288_548


def test_the_paper_s_kernels_and_numbers_of_blocks(monkeypatch):
    undrawn(monkeypatch)
    net = efficientnet_b0()
    blocks = [stage for stage in net.features if isinstance(stage[0], MBConv)]
    assert [len(stage) for stage in blocks] == [1, 2, 2, 3, 3, 4, 1]
    depthwise = [
        [m.kernel_size[0] for m in stage.modules() if isinstance(m, nn.Conv2d) and m.groups > 1] for stage in blocks
    ]
    assert depthwise == [[3], [3, 3], [5, 5], [3] * 3, [5] * 3, [5] * 4, [3]]


def test_squeeze_excitation_weighs_the_channels():
    block = SqueezeExcitation(2, 1, torch.nn.SiLU)
    for parameter, value in zip(
        block.parameters(), ([[[[1.0]], [[0.5]]]], [0.0], [[[[2.0]]], [[[-1.0]]]], [0.0, 0.25])
    ):
        parameter.detach().copy_(torch.tensor(value))
    x = torch.tensor([[[[1.0, 3.0]], [[-4.0, 2.0]]]])  # channels of mean 2 and -1
    silu = 1.5 * torch.sigmoid(torch.tensor(1.5))  # of 1 · 2 + 0.5 · (-1)
    weights = torch.sigmoid(torch.stack([2 * silu, 0.25 - silu]))
    assert torch.allclose(block(x), x * weights.reshape(1, 2, 1, 1))


def test_mbconv_adds_x_only_where_the_shape_stays():
    x = torch.randn(2, 4, 5, 5)
    for out_channels, stride, stays in ((4, 1, True), (4, 2, False), (6, 1, False)):
        block = MBConv(4, out_channels, kernel_size=5, stride=stride, expand_ratio=3, drop=0.0)
        nn.init.zeros_(block.block[-1][1].weight)  # of the last batch norm
        y = block(x)
        assert (y == x).all() if stays else not y.any()


def test_the_block_is_dropped_but_not_x():
    x = torch.randn(2, 4, 5, 5)
    block = MBConv(4, 4, kernel_size=3, stride=1, expand_ratio=1, drop=1.0)
    assert (block(x) == x).all()
    assert not (block.eval()(x) == x).all()


def test_stochastic_depth_grows_with_the_depth(monkeypatch):
    undrawn(monkeypatch)
    layers = [m for m in efficientnet_b0(stochastic_depth_prob=0.32).modules() if isinstance(m, nn.StochasticDepth)]
    assert [layer.p for layer in layers] == pytest.approx([0.02 * i for i in range(16)])
    assert {layer.mode for layer in layers} == {"row"}


def test_channels_classes_and_small_images(monkeypatch):
    undrawn(monkeypatch)
    assert efficientnet_b0(3, 7)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: efficientnet_b0(in_channels=0), "EfficientNet: in_channels=0; choose 1 or more"),
        (lambda: efficientnet_b0(num_classes=0), "EfficientNet: num_classes=0; choose 1 or more"),
        (lambda: efficientnet_b0()(torch.zeros(1, 3, 9, 9)), r"EfficientNet: takes images of shape \(N, 1, H, W\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = following_the_batch(efficientnet_b0(num_classes=3, dropout=0.0, stochastic_depth_prob=0.0))
    x, y = torch.randn(6, 1, 33, 33), torch.tensor([2, 0, 1, 1, 0, 2])
    assert learns_by_heart(net, x, y, steps=8, lr=0.01)
