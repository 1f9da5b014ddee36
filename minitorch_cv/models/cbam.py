"""CBAM: residual blocks that weigh their channels, then their pixels. Source: Woo et al., arXiv:1807.06521."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

from .. import nn
from ..ops import cat
from ..tensor import Tensor
from .resnet import NARROW, WIDE, Bottleneck, Residual, ResNet, resnet
from .se_resnet import check_reduction


class ChannelAttention(nn.Module):
    """y = x · σ(MLP(mean(x)) + MLP(max(x))), mean and maximum over all pixels, MLP(z) = w2 relu(w1 z).

    x (N, C, H, W) -> y of the same shape.
    """

    def __init__(self, input_channels: int, squeeze_channels: int):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (N, C, H, W) -> (N, C, 1, 1)
        self.maxpool = nn.AdaptiveMaxPool2d(1)
        self.mlp = nn.Sequential(
            OrderedDict(
                fc1=nn.Conv2d(input_channels, squeeze_channels, kernel_size=1, bias=False),
                relu=nn.ReLU(),
                fc2=nn.Conv2d(squeeze_channels, input_channels, kernel_size=1, bias=False),
            )
        )
        self.sigmoid = nn.Sigmoid()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.mlp(self.avgpool(input)) + self.mlp(self.maxpool(input))
        return input * self.sigmoid(scale)


class SpatialAttention(nn.Module):
    """y = x · σ(w ∗ [mean(x), max(x)]), mean and maximum over the channels of each pixel, w a 7x7 filter.

    x (N, C, H, W) -> y of the same shape.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, input: Tensor) -> Tensor:
        maps = cat([input.mean(1, keepdim=True), input.amax(1, keepdim=True)], dim=1)  # (N, C, H, W) -> (N, 2, H, W)
        return input * self.sigmoid(self.conv(maps))


def cbam_resnet18(
    in_channels: int = 1, num_classes: int = 10, reduction: int = 16, stochastic_depth: float = 0.0
) -> ResNet:
    """ResNet-18 with channel and spatial attention in each block, and fresh weights.

    The original's blocks: convolutions without biases, batch norm in the shortcuts. reduction: how many times fewer
    channels the layers of the channel attention have in between; ValueError below 1.
    """
    block = partial(Residual, bias=False, shortcut_norm=True, attention=cbam(reduction))
    return resnet(block, (2, 2, 2, 2), NARROW, in_channels, num_classes, stochastic_depth, bias=False)


def cbam_resnet50(
    in_channels: int = 1, num_classes: int = 10, reduction: int = 16, stochastic_depth: float = 0.0
) -> ResNet:
    """ResNet-50 with both attentions in each block, and fresh weights; the options are those of cbam_resnet18."""
    block = partial(Bottleneck, bias=False, shortcut_norm=True, attention=cbam(reduction))
    return resnet(block, (3, 4, 6, 3), WIDE, in_channels, num_classes, stochastic_depth, bias=False)


def cbam(reduction: int) -> Callable[[int], nn.Sequential]:
    """What builds the attention of a block from its channels."""
    check_reduction("cbam_resnet", reduction)
    return lambda channels: nn.Sequential(
        OrderedDict(
            channel=ChannelAttention(channels, max(1, channels // reduction)),
            spatial=SpatialAttention(),
        )
    )
