import math

import pytest

import minitorch_cv as torch
from minitorch_cv.models import torchvision

from ..stages import parameter_count, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("resnext50_32x4d", 25_028_904),
        ("resnext101_32x8d", 88_791_336),
        ("resnext101_64x4d", 83_455_272),
        ("wide_resnet50_2", 68_883_240),
        ("wide_resnet101_2", 126_886_696),
    ],
)
def test_parameters(monkeypatch, name, parameters):
    undrawn(monkeypatch)
    net = getattr(torchvision, name)()
    assert parameter_count(net) == parameters
    # the groups do not show in the number of parameters alone
    conv = net.layer1[0].conv2
    groups = int(name.split("_")[1].split("x")[0]) if name.startswith("resnext") else 1
    assert conv.groups == groups


def test_convolutions_start_kaiming_normal_over_the_outputs():
    weight = torchvision.resnet18().layer4[0].conv1.weight.detach().numpy()
    assert weight.std() == pytest.approx(math.sqrt(2 / (512 * 9)), rel=0.01)
    assert abs(weight).max() > 4 * weight.std()  # a uniform distribution ends at 1.7


@pytest.mark.parametrize(("name", "last"), [("resnet18", "bn2"), ("resnet50", "bn3"), ("resnext50_32x4d", "bn3")])
def test_zero_init_residual(monkeypatch, name, last):
    undrawn(monkeypatch)
    build = getattr(torchvision, name)
    for zero in (True, False):
        net = build(zero_init_residual=zero)
        scales = {key: value.numpy() for key, value in net.state_dict().items() if "bn" in key and "weight" in key}
        assert {key for key, value in scales.items() if not value.any()} == (
            {key for key in scales if last in key} if zero else set()
        )


def test_channels_and_classes(monkeypatch):
    undrawn(monkeypatch)
    assert torchvision.resnet18(7, in_channels=2)(torch.zeros(2, 2, 32, 32)).shape == (2, 7)
    with pytest.raises(ValueError, match="ResNet: num_classes=0; choose 1 or more"):
        torchvision.resnet50(num_classes=0)
