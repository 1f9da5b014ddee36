import pytest

import minitorch_cv as torch
from minitorch_cv.models.zfnet import zfnet

from .stages import losses_of, parameter_count, stage_shapes, three_pictures, undrawn

STAGES = {
    "features.conv1": (1, 96, 110, 110),
    "features.pool1": (1, 96, 55, 55),
    "features.conv2": (1, 256, 26, 26),
    "features.pool2": (1, 256, 13, 13),
    "features.conv3": (1, 384, 13, 13),
    "features.conv4": (1, 384, 13, 13),
    "features.conv5": (1, 256, 13, 13),
    "features.pool3": (1, 256, 6, 6),
    "classifier.flatten": (1, 9216),
    "classifier.fc1": (1, 4096),
    "classifier.fc2": (1, 4096),
    "classifier.fc3": (1, 1000),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_the_papers_shape(monkeypatch):
    undrawn(monkeypatch)
    net = zfnet(in_channels=3, num_classes=1000)
    shapes = stage_shapes(net, 1, 3, 224, 224)
    assert {name: shapes[name] for name in STAGES} == STAGES
    assert parameter_count(net) == 62_357_608


def test_channels_classes_size_and_normalisation(monkeypatch):
    undrawn(monkeypatch)
    net = zfnet(in_channels=2, num_classes=7, image_size=94, contrast_norm=True)
    names = [name for name, _ in net.features.named_children()]
    assert names[:8] == ["conv1", "act1", "pool1", "norm1", "conv2", "act2", "pool2", "norm2"]
    assert net.classifier.fc1.in_features == 256 * 2 * 2
    assert net(torch.zeros(2, 2, 94, 94)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: zfnet(in_channels=0), "ZFNet: in_channels=0"),
        (lambda: zfnet(image_size=52), "ZFNet: image_size=52 leaves no pixel .* choose 53 or more"),
        (lambda: zfnet()(torch.zeros(1, 1, 96, 96)), r"ZFNet: takes images of shape \(N, 1, 224, 224\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = zfnet(num_classes=3, image_size=53, dropout=0.0, hidden=64)
    images, labels = three_pictures(53, contrast=8.0)
    assert losses_of(net, images, labels, steps=15, lr=0.01, momentum=0.9)[-1] < 0.1
    assert net(images).argmax(1).tolist() == labels.tolist()
