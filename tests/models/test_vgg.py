import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.vgg import VGG, vgg11, vgg13, vgg16, vgg19

from .stages import losses_of, parameter_count, stage_shapes, three_pictures, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_the_books_shape(monkeypatch):
    undrawn(monkeypatch)
    net = vgg11(ratio=4)
    expected = {
        "features.block1": (1, 16, 112, 112),
        "features.block2": (1, 32, 56, 56),
        "features.block3": (1, 64, 28, 28),
        "features.block4": (1, 128, 14, 14),
        "features.block5": (1, 128, 7, 7),
        "classifier.flatten": (1, 6272),
        "classifier.fc1": (1, 4096),
        "classifier.dropout1": (1, 4096),
        "classifier.fc2": (1, 4096),
        "classifier.dropout2": (1, 4096),
        "classifier.fc3": (1, 10),
    }
    shapes = stage_shapes(net, 1, 1, 224, 224)
    assert {name: shapes[name] for name in expected} == expected
    assert shapes["features.block3.conv2"] == (1, 64, 56, 56)


@pytest.mark.parametrize(
    ("build", "convs", "parameters"),
    [
        (vgg11, [1, 1, 2, 2, 2], 132_863_336),
        (vgg13, [2, 2, 2, 2, 2], 133_047_848),
        (vgg16, [2, 2, 3, 3, 3], 138_357_544),
        (vgg19, [2, 2, 4, 4, 4], 143_667_240),
    ],
)
def test_depths(build, convs, parameters, monkeypatch):
    undrawn(monkeypatch)
    net = build(in_channels=3, num_classes=1000)
    assert parameter_count(net) == parameters
    assert [sum(isinstance(layer, nn.Conv2d) for layer in block) for block in net.features] == convs
    assert [block.conv1.out_channels for block in net.features] == [64, 128, 256, 512, 512]
    for block in net.features:
        kinds = [type(layer) for layer in block]
        assert kinds == [nn.Conv2d, nn.ReLU] * ((len(kinds) - 1) // 2) + [nn.MaxPool2d]


def test_the_ratio_narrows_the_convolutions_alone(monkeypatch):
    undrawn(monkeypatch)
    net = vgg11(ratio=8)
    assert [block.conv1.out_channels for block in net.features] == [8, 16, 32, 64, 64]
    assert (net.classifier.fc1.in_features, net.classifier.fc1.out_features) == (64 * 49, 4096)
    assert net.classifier.fc2.out_features == 4096
    assert parameter_count(vgg11()) == 128_806_154


def test_channels_classes_size_and_dropout(monkeypatch):
    undrawn(monkeypatch)
    net = vgg13(in_channels=3, num_classes=7, ratio=16, image_size=70, dropout=0.1)
    assert net.classifier.fc1.in_features == 32 * 2 * 2
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.1, 0.1]
    assert net(torch.zeros(2, 3, 70, 70)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: VGG(12), "VGG: depth=12; choose one of 11, 13, 16, 19"),
        (lambda: vgg11(ratio=0), "VGG: ratio=0; choose 1 to 64"),
        (lambda: vgg11(ratio=65), "VGG: ratio=65; choose 1 to 64"),
        (lambda: vgg16(num_classes=0), "num_classes=0; choose 1 or more"),
        (lambda: vgg16(image_size=31), "VGG-16: image_size=31 leaves no pixel .* choose 32 or more"),
        (lambda: vgg19()(torch.zeros(1, 1, 96, 96)), r"VGG-19: takes images of shape \(N, 1, 224, 224\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = vgg11(num_classes=3, ratio=16, image_size=32, dropout=0.0, hidden=64)
    images, labels = three_pictures(32, contrast=30.0)
    assert losses_of(net, images, labels, steps=25, lr=0.01, momentum=0.9)[-1] < 0.1
    assert net(images).argmax(1).tolist() == labels.tolist()
