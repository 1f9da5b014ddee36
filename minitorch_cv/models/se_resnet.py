"""SE-ResNet: residual blocks that weigh their channels. Source: Hu et al., arXiv:1709.01507."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .. import nn
from ..tensor import Tensor
from .resnet import NARROW, WIDE, Bottleneck, Residual, ResNet, resnet


class SqueezeExcitation(nn.Module):
    """y = x · σ(w2 relu(w1 mean(x) + b1) + b2): each channel times a weight that all channels decide on together.

    x (N, C, H, W) -> y of the same shape. activation: a module's class in place of ReLU. The names are torchvision's.
    """

    def __init__(self, input_channels: int, squeeze_channels: int, activation: Callable[[], nn.Module] = nn.ReLU):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (N, C, H, W) -> (N, C, 1, 1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, kernel_size=1)
        self.activation = activation()
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, kernel_size=1)
        self.scale_activation = nn.Sigmoid()

    def forward(self, input: Tensor) -> Tensor:
        scale = self.fc2(self.activation(self.fc1(self.avgpool(input))))
        return input * self.scale_activation(scale)


def se_resnet18(
    in_channels: int = 1, num_classes: int = 10, reduction: int = 16, stochastic_depth: float = 0.0
) -> ResNet:
    """ResNet-18 with squeeze and excitation in each block, and fresh weights.

    The original's blocks: convolutions without biases, batch norm in the shortcuts. reduction: how many times fewer
    channels the two layers have in between; ValueError below 1.
    """
    block = partial(Residual, bias=False, shortcut_norm=True, attention=squeeze_excitation(reduction))
    return resnet(block, (2, 2, 2, 2), NARROW, in_channels, num_classes, stochastic_depth, bias=False)


def se_resnet50(
    in_channels: int = 1, num_classes: int = 10, reduction: int = 16, stochastic_depth: float = 0.0
) -> ResNet:
    """ResNet-50 with squeeze and excitation in each block, and fresh weights; the options are those of se_resnet18."""
    block = partial(Bottleneck, bias=False, shortcut_norm=True, attention=squeeze_excitation(reduction))
    return resnet(block, (3, 4, 6, 3), WIDE, in_channels, num_classes, stochastic_depth, bias=False)


def squeeze_excitation(reduction: int) -> Callable[[int], SqueezeExcitation]:
    """What builds the attention of a block from its channels."""
    check_reduction("se_resnet", reduction)
    return lambda channels: SqueezeExcitation(channels, max(1, channels // reduction))


def check_reduction(network: str, reduction: int) -> None:
    if reduction < 1:
        raise ValueError(f"{network}: reduction={reduction}; choose 1 or more")
