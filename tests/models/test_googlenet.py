import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.googlenet import Inception, googlenet, googlenet_bn

from .stages import following_the_batch, learns_by_heart, parameter_count, stage_shapes, undrawn

STAGES = {
    "features.b1": (1, 64, 24, 24),
    "features.b2": (1, 192, 12, 12),
    "features.b3": (1, 480, 6, 6),
    "features.b4": (1, 832, 3, 3),
    "features.b5": (1, 1024),
    "classifier": (1, 10),
}
BLOCKS = {
    "features.b3.0": (1, 256, 12, 12),
    "features.b3.1": (1, 480, 12, 12),
    "features.b4.0": (1, 512, 6, 6),
    "features.b4.1": (1, 512, 6, 6),
    "features.b4.2": (1, 512, 6, 6),
    "features.b4.3": (1, 528, 6, 6),
    "features.b4.4": (1, 832, 6, 6),
    "features.b5.0": (1, 832, 3, 3),
    "features.b5.1": (1, 1024, 3, 3),
}


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


@pytest.mark.parametrize("build", [googlenet, googlenet_bn])
def test_every_stage_has_the_books_shape(build, monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(build(), 1, 1, 96, 96) if build is googlenet else stage_shapes(build().eval(), 1, 1, 96, 96)
    for expected in (STAGES, BLOCKS):
        assert {name: shapes[name] for name in expected} == expected


def test_parameters(monkeypatch):
    undrawn(monkeypatch)
    biases = 7280 + 10  # one for each output of a convolution and of the linear layer
    assert parameter_count(googlenet()) == 5_977_530
    # Batch norm has a scale and a shift where the convolution had its bias.
    assert parameter_count(googlenet_bn()) == 5_977_530 + biases - 10


def test_inception_joins_its_paths_in_order():
    block = Inception(3, 2, (1, 4), (1, 6), 8)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    for i, branch in enumerate((block.branch1, block.branch2[-1], block.branch3[-1], block.branch4[-1]), start=1):
        nn.init.constant_(branch.conv.bias, i)
    y = block(torch.randn(2, 3, 5, 4))
    assert y.shape == (2, 20, 5, 4)
    assert y[1, :, 2, 3].tolist() == [1] * 2 + [2] * 4 + [3] * 6 + [4] * 8


def test_the_paths_see_one_three_and_five_pixels():
    block = Inception(1, 1, (1, 1), (1, 1), 1)
    for parameter in block.parameters():
        nn.init.ones_(parameter) if parameter.ndim == 4 else nn.init.zeros_(parameter)
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 1
    assert [int((path > 0).sum().item()) for path in block(x)[0]] == [1, 9, 25, 9]


def test_channels_and_classes():
    assert googlenet(3, 7)(torch.zeros(2, 3, 20, 17)).shape == (2, 7)


def test_convolutions_of_the_normalised_form_have_no_bias(monkeypatch):
    undrawn(monkeypatch)
    kinds = [type(module) for module in googlenet_bn().modules()]
    assert kinds.count(nn.BatchNorm2d) == kinds.count(nn.Conv2d) == 57
    assert all(module.bias is None for module in googlenet_bn().modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: googlenet(in_channels=0), "GoogLeNet: in_channels=0; choose 1 or more"),
        (lambda: googlenet_bn(num_classes=0), "GoogLeNet: num_classes=0; choose 1 or more"),
        (lambda: googlenet()(torch.zeros(1, 3, 96, 96)), r"GoogLeNet: takes images of shape \(N, 1, H, W\), got"),
    ],
)
def test_what_does_not_fit_is_named(build, message, monkeypatch):
    undrawn(monkeypatch)
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = following_the_batch(googlenet_bn(num_classes=3))
    x, y = torch.randn(6, 1, 33, 33), torch.tensor([2, 0, 1, 1, 0, 2])
    assert learns_by_heart(net, x, y, steps=8, lr=0.01)


def test_the_ratio_narrows_every_layer():
    narrow, full = googlenet(ratio=4), googlenet()
    shapes = [(tuple(a.shape), tuple(b.shape)) for a, b in zip(narrow.parameters(), full.parameters(), strict=True)]
    assert shapes[0] == ((16, 1, 7, 7), (64, 1, 7, 7))
    assert all(few[0] * 4 == many[0] for few, many in shapes[:-2])
    assert all(few[1] * 4 == many[1] for few, many in shapes[2:] if len(few) > 1)


@pytest.mark.parametrize("ratio", [0, 17])
def test_a_ratio_that_leaves_no_channel(ratio):
    with pytest.raises(ValueError, match=f"GoogLeNet: ratio={ratio}; choose 1 to 16"):
        googlenet(ratio=ratio)
