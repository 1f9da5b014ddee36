import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models import torchvision

from ..stages import parameter_count, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("densenet121", 7_978_856),
        ("densenet161", 28_681_000),
        ("densenet169", 14_149_480),
        ("densenet201", 20_013_928),
    ],
)
def test_parameters_and_drop_rate(monkeypatch, name, parameters):
    undrawn(monkeypatch)
    net = getattr(torchvision, name)(drop_rate=0.25)
    assert parameter_count(net) == parameters
    assert {module.p for module in net.modules() if isinstance(module, nn.Dropout)} == {0.25}


def test_convolutions_start_kaiming_normal_over_the_inputs_and_the_classifier_without_bias():
    net = torchvision.densenet121()
    weight = net.features.transition3.conv.weight.detach().numpy()
    assert weight.std() == pytest.approx(math.sqrt(2 / 1024), rel=0.01)
    assert np.abs(weight).max() > 4 * weight.std()  # a uniform distribution ends at 1.7
    assert not net.classifier.bias.detach().numpy().any()


def test_channels_and_classes(monkeypatch):
    undrawn(monkeypatch)
    assert torchvision.densenet121(7, in_channels=2)(torch.zeros(2, 2, 32, 32)).shape == (2, 7)
    with pytest.raises(ValueError, match="DenseNet: num_classes=0; choose 1 or more"):
        torchvision.densenet201(num_classes=0)
