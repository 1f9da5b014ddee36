import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.squeezenet import Fire, squeezenet
from minitorch_cv.models.torchvision import squeezenet1_0, squeezenet1_1

from .stages import learns_by_heart, parameter_count, stage_shapes, undrawn

STAGES = {
    "1_0": {
        "features.0": (1, 96, 45, 45),
        "features.2": (1, 96, 22, 22),
        "features.5": (1, 256, 22, 22),
        "features.6": (1, 256, 11, 11),
        "features.10": (1, 512, 11, 11),
        "features.11": (1, 512, 5, 5),
        "features.12": (1, 512, 5, 5),
        "classifier": (1, 10, 1, 1),
        "flatten": (1, 10),
    },
    "1_1": {
        "features.0": (1, 64, 47, 47),
        "features.2": (1, 64, 23, 23),
        "features.4": (1, 128, 23, 23),
        "features.5": (1, 128, 11, 11),
        "features.7": (1, 256, 11, 11),
        "features.8": (1, 256, 5, 5),
        "features.12": (1, 512, 5, 5),
        "classifier": (1, 10, 1, 1),
        "flatten": (1, 10),
    },
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize("version", STAGES)
def test_every_stage_has_its_shape(version, monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(squeezenet(version=version), 1, 1, 96, 96)
    assert {name: shapes[name] for name in STAGES[version]} == STAGES[version]


def test_parameters(monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(squeezenet(3, 1000, "1_0")) == 1_248_424
    assert parameter_count(squeezenet(3, 1000)) == parameter_count(squeezenet(3, 1000, "1_1")) == 1_235_496
    assert parameter_count(squeezenet()) == 1_235_496 - 2 * 64 * 9 - 990 * 513


def test_only_torchvisions_form_has_a_last_relu(monkeypatch):
    undrawn(monkeypatch)
    for net, last in ((squeezenet(), nn.Identity), (squeezenet1_0(10), nn.ReLU), (squeezenet1_1(10), nn.ReLU)):
        assert isinstance(net.classifier[2], last)


def test_fire_squeezes_and_expands():
    fire = Fire(4, 2, 3)
    for parameter in fire.parameters():
        nn.init.ones_(parameter) if parameter.ndim == 4 else nn.init.zeros_(parameter)
    y = fire(torch.ones(1, 4, 3, 3))  # squeezed to 4 everywhere
    assert y.shape == (1, 6, 3, 3)
    assert y[0, 0].tolist() == [[8] * 3] * 3  # 1x1: 2 channels of 4
    assert y[0, 3].tolist() == [[32, 48, 32], [48, 72, 48], [32, 48, 32]]  # 3x3, with zeros around


@pytest.mark.parametrize(("version", "least"), [("1_0", 21), ("1_1", 17)])
def test_the_smallest_images(version, least, monkeypatch):
    undrawn(monkeypatch)
    net = squeezenet(2, 7, version)
    assert net(torch.zeros(2, 2, least, 40)).shape == (2, 7)
    with pytest.raises(ValueError, match=f"SqueezeNet: needs images of at least {least}x{least} pixels"):
        net(torch.zeros(2, 2, 40, least - 1))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: squeezenet(in_channels=0), "SqueezeNet: in_channels=0; choose 1 or more"),
        (lambda: squeezenet(num_classes=0), "SqueezeNet: num_classes=0; choose 1 or more"),
        (lambda: squeezenet(version="2"), "SqueezeNet: version='2'; choose one of '1_0', '1_1'"),
        (lambda: squeezenet(dropout=2), "Dropout: p=2 is no probability"),
        (lambda: squeezenet()(torch.zeros(1, 3, 96, 96)), r"SqueezeNet: takes images of shape \(N, 1, H, W\), got"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = squeezenet(num_classes=3, dropout=0.0)
    assert learns_by_heart(net, torch.randn(3, 1, 17, 17), torch.tensor([2, 0, 1]), steps=20, lr=0.005, momentum=0.9)
