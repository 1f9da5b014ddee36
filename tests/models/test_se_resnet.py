from functools import partial

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.resnet import Residual, ResNet
from minitorch_cv.models.se_resnet import SqueezeExcitation, se_resnet18, se_resnet50, squeeze_excitation

from .stages import losses_of, parameter_count, stage_shapes, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize(
    ("activation", "f"), [(nn.ReLU, lambda z: np.maximum(z, 0)), (nn.SiLU, lambda z: z / (1 + np.exp(-z)))]
)
def test_squeeze_and_excitation_is_its_equation(activation, f):
    net = SqueezeExcitation(6, 2, activation).double()
    x = torch.randn(3, 6, 4, 5, dtype=torch.float64)
    w1, b1, w2, b2 = (parameter.detach().numpy() for parameter in net.parameters())
    z = f(x.numpy().mean((2, 3)) @ w1[:, :, 0, 0].T + b1)  # (3, 6) -> (3, 2)
    scale = 1 / (1 + np.exp(-(z @ w2[:, :, 0, 0].T + b2)))  # -> (3, 6)
    np.testing.assert_allclose(net(x).detach().numpy(), x.numpy() * scale[:, :, None, None], rtol=1e-12)


def test_every_block_weighs_its_channels(monkeypatch):
    undrawn(monkeypatch)
    net = se_resnet18()
    shapes = stage_shapes(net, 1, 1, 64, 64)
    assert [shapes[f"layer{i}"] for i in (1, 2, 3, 4)] == [
        *((1, 64, 16, 16), (1, 128, 8, 8), (1, 256, 4, 4), (1, 512, 2, 2))
    ]
    for i, channels in enumerate((64, 128, 256, 512), start=1):
        for j in (0, 1):
            assert shapes[f"layer{i}.{j}.attention.fc1"] == (1, channels // 16, 1, 1)
            assert shapes[f"layer{i}.{j}.attention"] == shapes[f"layer{i}"]


def test_parameters(monkeypatch):
    undrawn(monkeypatch)
    assert parameter_count(se_resnet18()) == 11_264_450
    # for ImageNet's classes: 28.1 million in the paper
    assert parameter_count(se_resnet50(in_channels=3, num_classes=1000)) == 28_088_024


def test_options(monkeypatch):
    undrawn(monkeypatch)
    net = se_resnet50(3, 7, reduction=1000, stochastic_depth=0.16)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert net.layer1[0].attention.fc1.out_channels == 1
    assert [net.layer1[0].stochastic_depth.p, net.layer4[2].stochastic_depth.p] == pytest.approx([0.01, 0.16])
    for build in (se_resnet18, se_resnet50):
        with pytest.raises(ValueError, match="se_resnet: reduction=0; choose 1 or more"):
            build(reduction=0)


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = ResNet(partial(Residual, attention=squeeze_excitation(4)), (1, 1, 1, 1), (16, 16, 32, 32))
    images, labels = torch.randn(4, 1, 20, 20), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.1, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
