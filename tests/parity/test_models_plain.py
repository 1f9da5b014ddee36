"""The networks without branches beside PyTorch: the book's, written again as the book has them, and torchvision's."""

import pytest

import minitorch_cv as mt
from minitorch_cv.models import torchvision as ours_in_torchvisions_form
from minitorch_cv.models.alexnet import alexnet, alexnet_paper
from minitorch_cv.models.lenet import bn_lenet, lenet
from minitorch_cv.models.linear import softmax_regression
from minitorch_cv.models.mlp import mlp
from minitorch_cv.models.nin import nin
from minitorch_cv.models.vgg import vgg11, vgg13, vgg16, vgg19
from minitorch_cv.models.zfnet import zfnet

from ..models.stages import undrawn
from .compare import torch
from .five_steps import assert_same_keys, by_order, five_steps
from .vision import torchvision

pytestmark = pytest.mark.parity

nn = torch.nn


def compare_by_order(ours, theirs, image_shape, num_classes, **options):
    five_steps(ours, theirs, image_shape, num_classes, names=by_order(ours, theirs), **options)


def linear_layers(inputs, hidden, classes):
    """The end of AlexNet, VGG and ZFNet; without dropout, which the comparison switches off."""
    return [
        nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, classes),
    ]  # fmt: skip


def test_softmax_regression():
    theirs = nn.Sequential(nn.Flatten(), nn.Linear(2 * 6 * 6, 5))
    compare_by_order(softmax_regression(2, 5, 6), theirs, (2, 6, 6), 5, lr=0.1)


def test_mlp():
    theirs = nn.Sequential(
        nn.Flatten(), nn.Linear(2 * 6 * 6, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5)
    )
    compare_by_order(mlp(2, 5, 6, hidden=(12, 9), dropout=0.5), theirs, (2, 6, 6), 5, lr=0.1)


@pytest.mark.parametrize("activation", ["Sigmoid", "Tanh"])
def test_lenet(activation):
    act = getattr(nn, activation)
    theirs = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), act(), nn.AvgPool2d(2, stride=2),
        nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2, stride=2), nn.Flatten(),
        nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10),
    )  # fmt: skip
    compare_by_order(lenet(activation=activation.lower()), theirs, (1, 28, 28), 10, lr=0.1)


def test_bn_lenet():
    theirs = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.BatchNorm2d(6), nn.Sigmoid(), nn.AvgPool2d(2, stride=2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.Sigmoid(), nn.AvgPool2d(2, stride=2), nn.Flatten(),
        nn.Linear(256, 120), nn.BatchNorm1d(120), nn.Sigmoid(),
        nn.Linear(120, 84), nn.BatchNorm1d(84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip
    compare_by_order(bn_lenet(), theirs, (1, 28, 28), 10, batch=4)


@pytest.mark.parametrize("form", ["book", "paper", "paper with normalisation"])
def test_alexnet(form):
    channels, size, padding, side = (1, 97, 1, 2) if form == "book" else (3, 63, 2, 1)
    norm = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)] if form == "paper with normalisation" else []
    theirs = nn.Sequential(
        nn.Conv2d(channels, 96, 11, stride=4, padding=padding), nn.ReLU(), *norm, nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), *norm, nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        *linear_layers(256 * side**2, 16, 5),
    )  # fmt: skip
    if form == "book":
        ours = alexnet(num_classes=5, image_size=size, hidden=16)
    else:
        ours = alexnet_paper(num_classes=5, image_size=size, local_response_norm=bool(norm), hidden=16)
    compare_by_order(ours, theirs, (channels, size, size), 5, batch=2)


def test_zfnet():
    theirs = nn.Sequential(
        nn.Conv2d(2, 96, 7, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(96, 256, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        *linear_layers(256 * 2 * 2, 16, 5),
    )  # fmt: skip
    compare_by_order(zfnet(2, 5, image_size=86, hidden=16), theirs, (2, 86, 86), 5, batch=2)


@pytest.mark.parametrize(
    ("build", "convs"),
    [(vgg11, (1, 1, 2, 2, 2)), (vgg13, (2, 2, 2, 2, 2)), (vgg16, (2, 2, 3, 3, 3)), (vgg19, (2, 2, 4, 4, 4))],
)
def test_vgg(build, convs):
    layers, channels = [], 2
    for count, outputs in zip(convs, (4, 8, 16, 32, 32)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]
            channels = outputs
        layers.append(nn.MaxPool2d(2, stride=2))
    theirs = nn.Sequential(*layers, *linear_layers(32 * 2 * 2, 16, 5))
    compare_by_order(build(2, 5, ratio=16, image_size=64, hidden=16), theirs, (2, 64, 64), 5)


def test_nin():
    def block(inputs, outputs, kernel, stride, padding):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 1), nn.ReLU(), nn.Conv2d(outputs, outputs, 1), nn.ReLU(),
        )  # fmt: skip

    theirs = nn.Sequential(
        block(1, 96, 11, 4, 0), nn.MaxPool2d(3, stride=2), block(96, 256, 5, 1, 2), nn.MaxPool2d(3, stride=2),
        block(256, 384, 3, 1, 1), nn.MaxPool2d(3, stride=2), nn.Dropout(0.5),
        block(384, 10, 3, 1, 1), nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(),
    )  # fmt: skip
    compare_by_order(nin(), theirs, (1, 99, 99), 10, batch=2)


def with_narrow_ends(t, net, hidden=8):
    """The same network with few outputs in its hidden linear layers: 25088 x 4096 weights take too long in a test."""
    places = [i for i, layer in enumerate(net.classifier) if isinstance(layer, t.nn.Linear)]
    inputs, classes = net.classifier[places[0]].in_features, net.classifier[places[2]].out_features
    for place, (i, o) in zip(places, ((inputs, hidden), (hidden, hidden), (hidden, classes))):
        net.classifier[place] = t.nn.Linear(i, o)
    return net


@pytest.mark.parametrize(
    ("name", "shape"),
    [("alexnet", (3, 67, 100)), ("vgg11", (3, 32, 64)), ("vgg11_bn", (3, 32, 64))],
)
def test_torchvisions_form(name, shape, monkeypatch):
    undrawn(monkeypatch)
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)(num_classes=5)
    ours = getattr(ours_in_torchvisions_form, name)(num_classes=5)
    monkeypatch.undo()
    mt.manual_seed(0)
    for module in ours.modules():
        if isinstance(module, mt.nn.Conv2d):
            mt.nn.init.kaiming_normal_(module.weight)
    theirs = with_narrow_ends(torch, theirs).to_empty(device="cpu")
    five_steps(with_narrow_ends(mt, ours), theirs, shape, 5, batch=2, lr=0.002)


@pytest.mark.parametrize("name", ["alexnet", *(f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn"))])
def test_torchvisions_names_and_shapes(name, monkeypatch):
    undrawn(monkeypatch)
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)()
    assert_same_keys(getattr(ours_in_torchvisions_form, name)(), theirs)


@pytest.mark.parametrize("name", ["alexnet", "vgg11_bn"])
def test_torchvisions_first_weights(name, monkeypatch):
    """As much spread in each tensor as torchvision gives it; linear layers have few outputs, to save time."""
    for t in (torch, mt):
        full = t.nn.Linear.__init__
        monkeypatch.setattr(t.nn.Linear, "__init__", lambda self, i, o, full=full: full(self, i, min(o, 64)))
    mt.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (getattr(m, name)() for m in (ours_in_torchvisions_form, torchvision.models))
    for key, value in theirs.state_dict().items():
        mine = ours.state_dict()[key].numpy()
        if value.numel() >= 20_000:
            assert mine.std() == pytest.approx(value.numpy().std(), rel=0.03), key
            assert abs(mine).max() == pytest.approx(abs(value.numpy()).max(), rel=0.35), key
        elif value.numel() >= 500 or not value.numpy().any():
            assert mine.std() == pytest.approx(value.numpy().std(), rel=0.1), key
