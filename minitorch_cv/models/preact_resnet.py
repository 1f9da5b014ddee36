"""ResNet v2: batch norm and ReLU before each convolution, so that nothing stands between x and the sum.

Source: He et al., arXiv:1603.05027; an exercise of Dive into Deep Learning, section 8.6.
"""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor
from .resnet import NARROW, WIDE, ResNet, resnet, shortcut, through


class PreActResidual(nn.Module):
    """y = F(x) + x, where F is two 3x3 convolutions, each after batch norm and ReLU.

    (N, in_channels, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉). Where channels or stride change, x goes through the first
    batch norm and ReLU and a 1x1 convolution. stochastic_depth: the probability that a picture in training gets no F.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, stochastic_depth: float = 0.0):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1)
        self.downsample = shortcut(in_channels, out_channels, stride, bias=True, norm=False)
        self.stochastic_depth = nn.StochasticDepth(stochastic_depth, "row") if stochastic_depth else None

    def forward(self, input: Tensor) -> Tensor:
        active = self.relu1(self.bn1(input))
        out = self.conv1(active)
        out = self.conv2(self.relu2(self.bn2(out)))
        identity = input if self.downsample is None else self.downsample(active)
        return through(out, self.stochastic_depth) + identity


class PreActBottleneck(nn.Module):
    """y = F(x) + x, where F is a 1x1, a 3x3 and a 1x1 convolution, each after batch norm and ReLU.

    A quarter of out_channels in the middle; shapes and options are those of `PreActResidual`.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, stochastic_depth: float = 0.0):
        super().__init__()
        width = out_channels // 4
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1)
        self.bn3 = nn.BatchNorm2d(width)
        self.relu3 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, out_channels, kernel_size=1)
        self.downsample = shortcut(in_channels, out_channels, stride, bias=True, norm=False)
        self.stochastic_depth = nn.StochasticDepth(stochastic_depth, "row") if stochastic_depth else None

    def forward(self, input: Tensor) -> Tensor:
        active = self.relu1(self.bn1(input))
        out = self.conv1(active)
        out = self.conv2(self.relu2(self.bn2(out)))
        out = self.conv3(self.relu3(self.bn3(out)))
        identity = input if self.downsample is None else self.downsample(active)
        return through(out, self.stochastic_depth) + identity


def preact_resnet18(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-18 v2 with fresh weights: the book's stem, 8 blocks, then batch norm and ReLU before the mean."""
    return resnet(PreActResidual, (2, 2, 2, 2), NARROW, in_channels, num_classes, stochastic_depth, norm_last=True)


def preact_resnet34(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-34 v2 with fresh weights: 16 blocks."""
    return resnet(PreActResidual, (3, 4, 6, 3), NARROW, in_channels, num_classes, stochastic_depth, norm_last=True)


def preact_resnet50(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-50 v2 with fresh weights: 16 bottlenecks."""
    return resnet(PreActBottleneck, (3, 4, 6, 3), WIDE, in_channels, num_classes, stochastic_depth, norm_last=True)
