import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.mobilenet import (
    DepthwiseSeparable,
    InvertedResidual,
    make_divisible,
    mobilenet_v1,
    mobilenet_v2,
)

from .stages import following_the_batch, learns_by_heart, parameter_count, stage_shapes, undrawn

V1 = {
    "features.0": (2, 32, 48, 48),
    "features.1": (2, 64, 48, 48),
    "features.2": (2, 128, 24, 24),
    "features.3": (2, 128, 24, 24),
    "features.4": (2, 256, 12, 12),
    "features.5": (2, 256, 12, 12),
    "features.6": (2, 512, 6, 6),
    "features.11": (2, 512, 6, 6),
    "features.12": (2, 1024, 3, 3),
    "features.13": (2, 1024, 3, 3),
    "flatten": (2, 1024),
    "classifier": (2, 10),
}
V2 = {
    "features.0": (2, 32, 48, 48),
    "features.1": (2, 16, 48, 48),
    "features.2": (2, 24, 24, 24),
    "features.3": (2, 24, 24, 24),
    "features.4": (2, 32, 12, 12),
    "features.6": (2, 32, 12, 12),
    "features.7": (2, 64, 6, 6),
    "features.10": (2, 64, 6, 6),
    "features.11": (2, 96, 6, 6),
    "features.14": (2, 160, 3, 3),
    "features.17": (2, 320, 3, 3),
    "features.18": (2, 1280, 3, 3),
    "flatten": (2, 1280),
    "classifier": (2, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize(("build", "stages"), [(mobilenet_v1, V1), (mobilenet_v2, V2)])
def test_every_stage_has_its_shape(build, stages, monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(build(), 2, 1, 96, 96)
    assert {name: shapes[name] for name in stages} == stages


@pytest.mark.parametrize(
    ("width_mult", "count"), [(1.0, 4_231_976), (0.75, 2_585_560), (0.5, 1_331_592), (0.25, 470_072)]
)
def test_parameters_of_v1(width_mult, count, monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(mobilenet_v1(3, 1000, width_mult)) == count


@pytest.mark.parametrize(("width_mult", "count"), [(1.0, 3_504_872), (0.5, 1_968_680), (0.35, 1_677_128)])
def test_parameters_of_v2(width_mult, count, monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(mobilenet_v2(3, 1000, width_mult)) == count


@pytest.mark.parametrize(
    ("channels", "rounded"), [(32, 32), (3, 8), (11, 16), (12, 16), (19.9, 24), (20, 24), (35.9, 40), (44.8, 48)]
)
def test_channels_are_multiples_of_eight_and_not_much_fewer(channels, rounded):
    assert make_divisible(channels) == rounded
    assert make_divisible(channels) >= 0.9 * channels


def test_rounding_down_only_by_a_tenth():
    assert make_divisible(27.9) == 32  # 24 would be nearer, but is less than nine tenths
    assert make_divisible(83.9) == 80


def test_depthwise_separable_filters_each_channel_for_itself():
    block = DepthwiseSeparable(4, 6, stride=2)
    depthwise, pointwise = block[0][0], block[1][0]
    assert (depthwise.weight.shape, depthwise.groups, depthwise.stride) == ((4, 1, 3, 3), 4, (2, 2))
    assert (pointwise.weight.shape, pointwise.groups, pointwise.stride) == ((6, 4, 1, 1), 1, (1, 1))
    assert block(torch.randn(2, 4, 5, 8)).shape == (2, 6, 3, 4)


def test_inverted_residual_adds_x_only_where_the_shape_stays():
    x = torch.randn(2, 4, 5, 5)
    for out_channels, stride, stays in ((4, 1, True), (4, 2, False), (6, 1, False)):
        block = InvertedResidual(4, out_channels, stride, expand_ratio=3)
        nn.init.zeros_(block.conv[-1].weight)  # of the last batch norm
        y = block(x)
        assert (y == x).all() if stays else not y.any()


def test_expansion_and_activations():
    block = InvertedResidual(4, 6, stride=1, expand_ratio=3)
    convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    assert [tuple(conv.weight.shape) for conv in convolutions] == [(12, 4, 1, 1), (12, 1, 3, 3), (6, 12, 1, 1)]
    assert sum(isinstance(module, nn.ReLU6) for module in block.modules()) == 2
    assert isinstance(block.conv[-1], nn.BatchNorm2d)
    unexpanded = InvertedResidual(4, 6, stride=1, expand_ratio=1)
    assert sum(isinstance(module, nn.Conv2d) for module in unexpanded.modules()) == 2


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
def test_channels_classes_and_small_images(build, monkeypatch):
    undrawn(monkeypatch)
    assert build(3, 7, 0.25)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"in_channels": 0}, "in_channels=0; choose 1 or more"),
        ({"num_classes": 0}, "num_classes=0; choose 1 or more"),
        ({"width_mult": 0}, "width_mult=0; choose a number above 0"),
        ({"width_mult": float("nan")}, "width_mult=nan; choose a number above 0"),
    ],
)
def test_options_that_do_not_fit_are_named(build, options, message):
    with pytest.raises(ValueError, match=f"MobileNetV[12]: {message}"):
        build(**options)


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2])
def test_images_that_do_not_fit_are_named(build, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=r"MobileNetV[12]: takes images of shape \(N, 1, H, W\), got \(1, 3, 9, 9\)"):
        build()(torch.zeros(1, 3, 9, 9))


def test_v1_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = following_the_batch(mobilenet_v1(num_classes=3, width_mult=0.25))
    x, y = torch.randn(6, 1, 33, 33), torch.tensor([2, 0, 1, 1, 0, 2])
    assert learns_by_heart(net, x, y, steps=15, lr=0.02)
