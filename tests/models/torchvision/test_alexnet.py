import pytest

import minitorch_cv as mt
from minitorch_cv.models.torchvision import alexnet

from ..stages import parameter_count, stage_shapes, undrawn


@pytest.fixture(autouse=True)
def on_references(monkeypatch):
    undrawn(monkeypatch)
    with mt.use("reference"):
        yield


def test_stages_and_parameters():
    net = alexnet()
    shapes = stage_shapes(net, 1, 3, 224, 224)
    assert [shapes[f"features.{i}"][1:] for i in (0, 2, 3, 5, 6, 8, 10, 12)] == [
        (64, 55, 55), (64, 27, 27), (192, 27, 27), (192, 13, 13), (384, 13, 13), (256, 13, 13), (256, 13, 13),
        (256, 6, 6),
    ]  # fmt: skip
    assert shapes["flatten"] == (1, 9216)
    assert shapes[""] == (1, 1000)
    assert parameter_count(net) == 61_100_840


def test_options_and_the_smallest_image():
    net = alexnet(num_classes=7, in_channels=1, dropout=0.2)
    assert [net.classifier[i].p for i in (0, 3)] == [0.2, 0.2]
    assert net(mt.zeros(2, 1, 63, 70)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: alexnet(num_classes=0), "AlexNet: num_classes=0"),
        (lambda: alexnet()(mt.zeros(1, 3, 62, 224)), "AlexNet: needs images of at least 63x63 pixels"),
        (lambda: alexnet()(mt.zeros(1, 1, 224, 224)), "or build it with in_channels=1"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
