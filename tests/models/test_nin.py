import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.nin import nin

from .stages import losses_of, parameter_count, stage_shapes, three_pictures

STAGES = {
    "features.block1": (1, 96, 54, 54),
    "features.pool1": (1, 96, 26, 26),
    "features.block2": (1, 256, 26, 26),
    "features.pool2": (1, 256, 12, 12),
    "features.block3": (1, 384, 12, 12),
    "features.pool3": (1, 384, 5, 5),
    "features.dropout": (1, 384, 5, 5),
    "classifier.block4": (1, 10, 5, 5),
    "classifier.pool4": (1, 10, 1, 1),
    "classifier.flatten": (1, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_every_stage_has_the_books_shape():
    net = nin()
    shapes = stage_shapes(net, 1, 1, 224, 224)
    assert {name: shapes[name] for name in STAGES} == STAGES
    assert parameter_count(net) == 1_992_166


def test_a_block_is_a_convolution_and_two_of_1x1():
    net = nin()
    for block in (net.features.block1, net.features.block2, net.features.block3, net.classifier.block4):
        assert [type(layer) for layer in block] == [nn.Conv2d, nn.ReLU] * 3
        assert [block.conv2.kernel_size, block.conv3.kernel_size] == [(1, 1), (1, 1)]


def test_channels_classes_dropout_and_the_smallest_image():
    net = nin(in_channels=3, num_classes=7, dropout=0.2)
    assert net.features.dropout.p == 0.2
    assert net(torch.zeros(2, 3, 67, 80)).shape == (2, 7)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nin(num_classes=0), "NiN: num_classes=0"),
        (lambda: nin()(torch.zeros(1, 1, 66, 224)), "NiN: needs images of at least 67x67 pixels"),
        (lambda: nin()(torch.zeros(1, 3, 224, 224)), "or build it with in_channels=3"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns():
    """Twelve layers that shrink their signal, and a ReLU at the end: slow to begin, so the loss need only fall."""
    torch.manual_seed(2)
    net = nin(num_classes=3, dropout=0.0)
    nn.init.ones_(net.classifier.block4.conv3.bias)  # so that no class begins behind a ReLU that never opens
    images, labels = three_pictures(67, contrast=20.0)
    losses = losses_of(net, images, labels, steps=12, lr=0.05, momentum=0.9)
    assert losses[-1] < 0.7 * losses[0]
