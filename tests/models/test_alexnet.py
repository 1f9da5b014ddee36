import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.alexnet import alexnet, alexnet_paper

from .stages import losses_of, parameter_count, stage_shapes, three_pictures, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def stages(sides, flat, classes):
    """Name and shape of every stage, given the sides of the four maps."""
    a, b, c, d = sides
    return {
        "features.conv1": (1, 96, a, a),
        "features.pool1": (1, 96, b, b),
        "features.conv2": (1, 256, b, b),
        "features.pool2": (1, 256, c, c),
        "features.conv3": (1, 384, c, c),
        "features.conv4": (1, 384, c, c),
        "features.conv5": (1, 256, c, c),
        "features.pool3": (1, 256, d, d),
        "classifier.flatten": (1, flat),
        "classifier.fc1": (1, 4096),
        "classifier.dropout1": (1, 4096),
        "classifier.fc2": (1, 4096),
        "classifier.dropout2": (1, 4096),
        "classifier.fc3": (1, classes),
    }


@pytest.mark.parametrize(
    ("build", "channels", "expected", "parameters"),
    [
        (alexnet, 1, stages((54, 26, 12, 5), 6400, 10), 46_764_746),
        (alexnet_paper, 3, stages((55, 27, 13, 6), 9216, 1000), 62_378_344),
    ],
)
def test_every_stage_has_its_shape(build, channels, expected, parameters, monkeypatch):
    undrawn(monkeypatch)
    net = build()
    shapes = stage_shapes(net, 1, channels, 224, 224)
    assert {name: shapes[name] for name in expected} == expected
    assert parameter_count(net) == parameters


def test_a_relu_follows_every_layer_but_the_last():
    net = alexnet(image_size=65)
    kinds = [type(module) for part in (net.features, net.classifier) for module in part]
    layers = [i for i, kind in enumerate(kinds) if kind in (nn.Conv2d, nn.Linear)]
    assert len(layers) == 8
    assert all(kinds[i + 1] is nn.ReLU for i in layers[:-1])
    assert layers[-1] == len(kinds) - 1


def test_channels_classes_size_and_dropout(monkeypatch):
    undrawn(monkeypatch)
    net = alexnet(in_channels=3, num_classes=7, image_size=97, dropout=0.2)
    assert net.classifier.fc1.in_features == 256 * 2 * 2
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.2, 0.2]
    assert net(torch.zeros(2, 3, 97, 97)).shape == (2, 7)


def test_the_papers_normalisation_across_channels(monkeypatch):
    undrawn(monkeypatch)
    net = alexnet_paper(image_size=63, local_response_norm=True)
    names = [name for name, _ in net.features.named_children()]
    assert names[:8] == ["conv1", "act1", "norm1", "pool1", "conv2", "act2", "norm2", "pool2"]
    x = torch.full((1, 7, 1, 1), 100.0)
    y = net.features.norm1(x).reshape(-1).tolist()
    # x / (2 + 1e-4 * the sum of x² over up to five channels)^0.75
    neighbours = [3, 4, 5, 5, 5, 4, 3]
    assert y == pytest.approx([100 / (2 + n) ** 0.75 for n in neighbours], rel=1e-5)


def test_weights_start_xavier_uniform():
    net = alexnet(image_size=65)
    for layer, fans in ((net.features.conv1, 121 + 96 * 121), (net.classifier.fc1, 256 + 4096)):
        largest = np.abs(layer.weight.detach().numpy()).max()
        assert 0.99 * math.sqrt(6 / fans) < largest <= math.sqrt(6 / fans)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: alexnet(num_classes=0), "AlexNet: num_classes=0; choose 1 or more"),
        (lambda: alexnet(image_size=64), "AlexNet: image_size=64 leaves no pixel .* choose 65 or more"),
        (lambda: alexnet_paper(image_size=28), "AlexNet: image_size=28 leaves no pixel .* choose 63 or more"),
        (
            lambda: alexnet()(torch.zeros(1, 1, 28, 28)),
            r"AlexNet: takes images of shape \(N, 1, 224, 224\), got \(1, 1, 28, 28\); resize",
        ),
        (lambda: alexnet()(torch.zeros(1, 3, 224, 224)), "or build it with in_channels=3"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = alexnet(num_classes=3, image_size=65, dropout=0.0, hidden=64)
    images, labels = three_pictures(65, contrast=8.0)
    assert losses_of(net, images, labels, steps=15, lr=0.01, momentum=0.9)[-1] < 0.1
    assert net(images).argmax(1).tolist() == labels.tolist()
