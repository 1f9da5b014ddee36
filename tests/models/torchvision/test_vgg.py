import math

import pytest

import minitorch_cv as mt
from minitorch_cv import nn
from minitorch_cv.models import torchvision
from minitorch_cv.models.torchvision.vgg import VGG, first_values

from ..stages import parameter_count, stage_shapes, undrawn

PARAMETERS = {
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
}


@pytest.fixture(autouse=True)
def on_references():
    with mt.use("reference"):
        yield


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameters(name, parameters, monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(getattr(torchvision, name)()) == parameters


def test_stages_and_options(monkeypatch):
    undrawn(monkeypatch)
    net = torchvision.vgg11_bn(num_classes=7, in_channels=1, dropout=0.2)
    shapes = stage_shapes(net, 2, 1, 32, 64)
    pools = [i for i, layer in enumerate(net.features) if isinstance(layer, nn.MaxPool2d)]
    assert [shapes[f"features.{i}"] for i in pools] == [
        (2, 64, 16, 32), (2, 128, 8, 16), (2, 256, 4, 8), (2, 512, 2, 4), (2, 512, 1, 2),
    ]  # fmt: skip
    assert shapes["avgpool"] == (2, 512, 7, 7)
    assert shapes["flatten"] == (2, 25088)
    assert shapes[""] == (2, 7)
    assert [net.classifier[i].p for i in (2, 5)] == [0.2, 0.2]


def test_first_values():
    conv, linear = nn.Conv2d(32, 16, 3), nn.Linear(40, 100)
    for layer, std in ((conv, math.sqrt(2 / (16 * 9))), (linear, 0.01)):
        first_values(layer)
        assert layer.weight.detach().numpy().std() == pytest.approx(std, rel=0.04)
        assert not layer.bias.detach().numpy().any()


def test_the_first_values_are_set(monkeypatch):
    undrawn(monkeypatch)
    seen = []
    monkeypatch.setattr("minitorch_cv.models.torchvision.vgg.first_values", lambda module: seen.append(type(module)))
    torchvision.vgg13()
    assert (seen.count(nn.Conv2d), seen.count(nn.Linear)) == (10, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: torchvision.vgg16(num_classes=0), "VGG-16: num_classes=0"),
        (lambda: VGG(12), "VGG: depth=12; choose one of 11, 13, 16, 19"),
        (lambda: torchvision.vgg11()(mt.zeros(1, 3, 31, 224)), "VGG-11: needs images of at least 32x32 pixels"),
        (lambda: torchvision.vgg11()(mt.zeros(1, 1, 224, 224)), "or build it with in_channels=1"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()
