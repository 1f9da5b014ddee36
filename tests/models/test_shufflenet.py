import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.shufflenet import ShuffleUnit, shufflenet_v2

from .stages import following_the_batch, learns_by_heart, parameter_count, stage_shapes, undrawn

STAGES = {
    "conv1": (2, 24, 48, 48),
    "maxpool": (2, 24, 24, 24),
    "stage2": (2, 116, 12, 12),
    "stage3": (2, 232, 6, 6),
    "stage4": (2, 464, 3, 3),
    "conv5": (2, 1024, 3, 3),
    "flatten": (2, 1024),
    "fc": (2, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_its_shape(monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(shufflenet_v2(), 2, 1, 96, 96)
    assert {name: shapes[name] for name in STAGES} == STAGES


@pytest.mark.parametrize(
    ("width_mult", "count"), [(0.5, 1_366_792), (1.0, 2_278_604), (1.5, 3_503_624), (2.0, 7_393_996)]
)
def test_parameters(width_mult, count, monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(shufflenet_v2(3, 1000, width_mult)) == count


def test_one_half_passes_by_and_the_halves_are_dealt_out_in_turn():
    unit = ShuffleUnit(6, 6)
    for bias, value in zip((unit.branch2[-2].bias,), (5.0,)):
        nn.init.zeros_(unit.branch2[-2].weight)
        nn.init.constant_(bias, value)
    x = torch.randn(2, 6, 3, 3)
    y = unit(x)
    assert (y[:, 0::2] == x[:, :3]).all()
    assert (y[:, 1::2] == 5).all()


def test_a_unit_that_downsamples_filters_all_channels_twice():
    unit = ShuffleUnit(4, 10)
    for branch, value in ((unit.branch1, 1.0), (unit.branch2, 2.0)):
        nn.init.zeros_(branch[-2].weight)
        nn.init.constant_(branch[-2].bias, value)
    y = unit(torch.randn(2, 4, 5, 6))
    assert y.shape == (2, 10, 3, 3)
    assert y[1, :, 2, 2].tolist() == [1, 2] * 5


def test_channels_classes_and_small_images(monkeypatch):
    undrawn(monkeypatch)
    assert shufflenet_v2(3, 7, 0.5)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: shufflenet_v2(in_channels=0), "ShuffleNetV2: in_channels=0; choose 1 or more"),
        (lambda: shufflenet_v2(num_classes=0), "ShuffleNetV2: num_classes=0; choose 1 or more"),
        (lambda: shufflenet_v2(width_mult=3), "ShuffleNetV2: width_mult=3; choose one of 0.5, 1.0, 1.5, 2.0"),
        (lambda: shufflenet_v2()(torch.zeros(1, 3, 9, 9)), r"ShuffleNetV2: takes images of shape \(N, 1, H, W\), got"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = following_the_batch(shufflenet_v2(num_classes=3, width_mult=0.5))
    x, y = torch.randn(6, 1, 33, 33), torch.tensor([2, 0, 1, 1, 0, 2])
    assert learns_by_heart(net, x, y, steps=15, lr=0.05)
