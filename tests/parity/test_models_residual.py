"""Networks with shortcuts: the book's and their kin rebuilt in PyTorch, and torchvision's own, beside ours.

The rebuilt ones are written from the book and the papers; weights go over in the order of the state.
"""

import sys
from functools import partial

import pytest

import minitorch_cv as mt
from minitorch_cv.models import torchvision as ours_torchvision
from minitorch_cv.models.cbam import cbam_resnet18, cbam_resnet50
from minitorch_cv.models.densenet import densenet, densenet121
from minitorch_cv.models.preact_resnet import preact_resnet18, preact_resnet50
from minitorch_cv.models.resnet import WIDE, resnet18, resnet50
from minitorch_cv.models.resnext import resnext50
from minitorch_cv.models.se_resnet import se_resnet18, se_resnet50
from minitorch_cv.models.torchvision.resnet import BOTTLENECK
from minitorch_cv.models.torchvision.resnet import resnet as torchvision_resnet

from ..models.stages import undrawn
from .compare import torch
from .five_steps import assert_same_keys, by_order, five_steps
from .vision import torchvision

pytestmark = pytest.mark.parity
nn, F = torch.nn, torch.nn.functional


@pytest.fixture(autouse=True)
def the_same_weights_each_time():
    mt.manual_seed(0)


class Residual(nn.Module):
    """The book's residual block; norm: batch norm in the shortcut."""

    def __init__(self, inputs, channels, strides=1, norm=False, bias=True, attention=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1, stride=strides, bias=bias)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = projection(inputs, channels, strides, norm, bias)
        self.attention = attention(channels) if attention else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.attention(self.bn2(self.conv2(y)))
        return F.relu(y + self.conv3(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution; the options of Residual, and the share of channels and the groups of the 3x3."""

    def __init__(self, inputs, channels, strides=1, norm=False, bias=True, share=4, groups=1, attention=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels // share, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(channels // share)
        self.conv2 = nn.Conv2d(channels // share, channels // share, 3, strides, 1, groups=groups, bias=bias)
        self.bn2 = nn.BatchNorm2d(channels // share)
        self.conv3 = nn.Conv2d(channels // share, channels, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(channels)
        self.conv4 = projection(inputs, channels, strides, norm, bias)
        self.attention = attention(channels) if attention else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.attention(self.bn3(self.conv3(y)))
        return F.relu(y + self.conv4(x))


def projection(inputs, channels, strides, norm, bias):
    if inputs == channels and strides == 1:
        return nn.Identity()
    conv = nn.Conv2d(inputs, channels, 1, stride=strides, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(channels)) if norm else conv


class PreActResidual(nn.Module):
    def __init__(self, inputs, channels, strides=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, channels, 3, padding=1, stride=strides)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv3 = projection(inputs, channels, strides, norm=False, bias=True)

    def forward(self, x):
        active = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return y + (x if isinstance(self.conv3, nn.Identity) else self.conv3(active))


class PreActBottleneck(nn.Module):
    def __init__(self, inputs, channels, strides=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, channels // 4, 1)
        self.bn2 = nn.BatchNorm2d(channels // 4)
        self.conv2 = nn.Conv2d(channels // 4, channels // 4, 3, padding=1, stride=strides)
        self.bn3 = nn.BatchNorm2d(channels // 4)
        self.conv3 = nn.Conv2d(channels // 4, channels, 1)
        self.conv4 = projection(inputs, channels, strides, norm=False, bias=True)

    def forward(self, x):
        active = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(active))))
        y = self.conv3(F.relu(self.bn3(y)))
        return y + (x if isinstance(self.conv4, nn.Identity) else self.conv4(active))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // 16, 1), nn.Conv2d(channels // 16, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class CBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1, bias=False)
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        mean, most = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = x * torch.sigmoid(self.fc2(torch.relu(self.fc1(mean))) + self.fc2(torch.relu(self.fc1(most))))
        maps = torch.stack([x.mean(1), x.amax(1)], dim=1)
        return x * torch.sigmoid(self.conv(maps))


def stem(bias=True):
    return [nn.Conv2d(1, 64, 7, 2, 3, bias=bias), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]


def resnet(block, depths, channels, bias=True, norm_last=False):
    """The book's stem, four stages, and the classifier."""
    stages, inputs = [], 64
    for i, (depth, outputs) in enumerate(zip(depths, channels)):
        stages.append(block(inputs, outputs, 1 if i == 0 else 2))
        stages += [block(outputs, outputs) for _ in range(depth - 1)]
        inputs = outputs
    last = [nn.BatchNorm2d(inputs), nn.ReLU()] if norm_last else []
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10)]
    return nn.Sequential(*stem(bias), *stages, *last, *head)


def conv_block(inputs, channels):
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, channels, 3, padding=1))


class DenseBlock(nn.Module):
    def __init__(self, convs, inputs, channels):
        super().__init__()
        self.net = nn.Sequential(*(conv_block(inputs + i * channels, channels) for i in range(convs)))

    def forward(self, x):
        for block in self.net:
            x = torch.cat((x, block(x)), dim=1)
        return x


def book_densenet():
    layers, channels = stem(), 64
    for i in range(4):
        layers.append(DenseBlock(4, channels, 32))
        channels += 4 * 32
        if i < 3:
            channels //= 2
            layers += [nn.BatchNorm2d(2 * channels), nn.ReLU(), nn.Conv2d(2 * channels, channels, 1), nn.AvgPool2d(2)]
    last = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers, *last)


def original(block, attention):
    """The block of the papers: no biases, batch norm in the shortcut."""
    return partial(block, norm=True, bias=False, attention=attention)


def rate(build):
    """A learning rate for the network's depth.

    Fifty and more layers with fresh weights have gradients with a norm of thousands, and PyTorch itself, begun from
    weights that differ by 1e-13, is 1e-5 apart after five steps of 0.001.
    """
    return 0.001 if "18" in build.__name__ else 0.00001


IMAGE = (1, 36, 33)
IN_18, IN_50 = (2, 2, 2, 2), (3, 4, 6, 3)
REBUILT = {  # from the channels after each stage
    resnet18: lambda channels: resnet(Residual, IN_18, channels),
    resnet50: lambda channels: resnet(Bottleneck, IN_50, channels),
    preact_resnet18: lambda channels: resnet(PreActResidual, IN_18, channels, norm_last=True),
    preact_resnet50: lambda channels: resnet(PreActBottleneck, IN_50, channels, norm_last=True),
    resnext50: lambda channels: resnet(partial(Bottleneck, norm=True, share=2, groups=32), IN_50, channels),
    se_resnet18: lambda channels: resnet(original(Residual, SqueezeExcitation), IN_18, channels, bias=False),
    se_resnet50: lambda channels: resnet(original(Bottleneck, SqueezeExcitation), IN_50, channels, bias=False),
    cbam_resnet18: lambda channels: resnet(original(Residual, CBAM), IN_18, channels, bias=False),
    cbam_resnet50: lambda channels: resnet(original(Bottleneck, CBAM), IN_50, channels, bias=False),
}


@pytest.mark.parametrize("build", REBUILT, ids=lambda build: build.__name__)
def test_the_same_shapes_in_the_same_order(monkeypatch, build):
    undrawn(monkeypatch)
    wide = (256, 512, 1024, 2048) if "50" in build.__name__ else (64, 128, 256, 512)
    with torch.device("meta"):
        theirs = REBUILT[build](wide)
    assert by_order(build(), theirs)


@pytest.mark.parametrize("build", REBUILT, ids=lambda build: build.__name__)
def test_five_steps_with_few_channels(monkeypatch, build):
    """All blocks, without the millions of weights in the last stages."""
    few = {"NARROW": (64, 64, 96, 96), "WIDE": (128, 128, 192, 192)}
    for name, channels in few.items():
        monkeypatch.setattr(sys.modules[build.__module__], name, channels, raising=False)
    ours, theirs = build(), REBUILT[build](few["WIDE" if "50" in build.__name__ else "NARROW"])
    five_steps(ours, theirs, IMAGE, 10, batch=4, lr=rate(build), names=by_order(ours, theirs))


def test_five_steps_of_the_books_resnet():
    ours, theirs = resnet18(), REBUILT[resnet18]((64, 128, 256, 512))
    five_steps(ours, theirs, IMAGE, 10, lr=rate(resnet18), names=by_order(ours, theirs))


def test_five_steps_of_the_books_densenet():
    ours, theirs = densenet(), book_densenet()
    five_steps(ours, theirs, IMAGE, 10, batch=4, lr=rate(densenet), names=by_order(ours, theirs))


TORCHVISION = [
    *("densenet121", "densenet161", "densenet169", "densenet201"),
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
]


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_names_and_shapes(monkeypatch, name):
    undrawn(monkeypatch)
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)()
    assert_same_keys(getattr(ours_torchvision, name)(), theirs)


@pytest.mark.parametrize("name", ["densenet121", "resnet18"])
def test_five_steps_beside_torchvision(name):
    ours, theirs = (getattr(library, name)(num_classes=10) for library in (ours_torchvision, torchvision.models))
    five_steps(ours, theirs, (3, *IMAGE[1:]), 10, batch=4, lr=rate(getattr(ours_torchvision, name)))


@pytest.mark.parametrize("groups", [1, 32])
def test_five_steps_beside_torchvisions_bottlenecks(groups):
    """ResNet-50 and ResNeXt-50, with one block a stage."""
    block, share = torchvision.models.resnet.Bottleneck, 0.25 if groups == 1 else 0.5
    theirs = torchvision.models.ResNet(block, [1] * 4, 10, groups=groups, width_per_group=64 if groups == 1 else 4)
    ours = torchvision_resnet(
        partial(BOTTLENECK, bot_mul=share, groups=groups), [1] * 4, WIDE, 10, in_channels=3, zero_init_residual=False
    )
    assert_same_keys(ours, theirs)
    five_steps(ours, theirs, (3, *IMAGE[1:]), 10, lr=0.001)


def test_densenet121_for_the_book_is_torchvisions_with_one_channel(monkeypatch):
    undrawn(monkeypatch)
    theirs = torchvision.models.densenet121(num_classes=10)
    theirs.features.conv0 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    assert_same_keys(densenet121(), theirs)
