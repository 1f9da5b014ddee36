"""torchvision's ResNets: the book's blocks, without biases in convolutions, with batch norm in shortcuts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ... import nn
from ..resnet import NARROW, WIDE, Block, Bottleneck, Residual, ResNet

BASIC_BLOCK = partial(Residual, bias=False, shortcut_norm=True)
BOTTLENECK = partial(Bottleneck, bias=False, shortcut_norm=True)


def resnet18(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-18 with fresh weights. zero_init_residual: each block starts as the identity (arXiv:1706.02677)."""
    return resnet(BASIC_BLOCK, (2, 2, 2, 2), NARROW, num_classes, in_channels, zero_init_residual)


def resnet34(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-34 with fresh weights."""
    return resnet(BASIC_BLOCK, (3, 4, 6, 3), NARROW, num_classes, in_channels, zero_init_residual)


def resnet50(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-50 with fresh weights."""
    return resnet(BOTTLENECK, (3, 4, 6, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnet101(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-101 with fresh weights."""
    return resnet(BOTTLENECK, (3, 4, 23, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnet152(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-152 with fresh weights."""
    return resnet(BOTTLENECK, (3, 8, 36, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnext50_32x4d(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNeXt-50 with fresh weights: 32 groups, of 4 channels in the first stage. Source: arXiv:1611.05431."""
    block = partial(BOTTLENECK, bot_mul=0.5, groups=32)
    return resnet(block, (3, 4, 6, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnext101_32x8d(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNeXt-101 with fresh weights: 32 groups, of 8 channels in the first stage."""
    block = partial(BOTTLENECK, bot_mul=1, groups=32)
    return resnet(block, (3, 4, 23, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnext101_64x4d(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNeXt-101 with fresh weights: 64 groups, of 4 channels in the first stage."""
    block = partial(BOTTLENECK, bot_mul=1, groups=64)
    return resnet(block, (3, 4, 23, 3), WIDE, num_classes, in_channels, zero_init_residual)


def wide_resnet50_2(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-50 with twice the channels inside its bottlenecks, and fresh weights. Source: arXiv:1605.07146."""
    return resnet(partial(BOTTLENECK, bot_mul=0.5), (3, 4, 6, 3), WIDE, num_classes, in_channels, zero_init_residual)


def wide_resnet101_2(num_classes: int = 1000, in_channels: int = 3, zero_init_residual: bool = False) -> ResNet:
    """ResNet-101 with twice the channels inside its bottlenecks, and fresh weights."""
    return resnet(partial(BOTTLENECK, bot_mul=0.5), (3, 4, 23, 3), WIDE, num_classes, in_channels, zero_init_residual)


def resnet(
    block: Block,
    depths: Sequence[int],
    channels: Sequence[int],
    num_classes: int,
    in_channels: int,
    zero_init_residual: bool,
) -> ResNet:
    """A ResNet of these blocks that starts as torchvision's do."""
    net = ResNet(block, depths, channels, in_channels, num_classes, bias=False)
    net.apply(kaiming_weights)
    if zero_init_residual:
        net.apply(start_as_identity)
    return net


def kaiming_weights(module: nn.Module) -> None:
    """Normal weights that keep the variance of the gradients, for a convolution."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def start_as_identity(module: nn.Module) -> None:
    """Scale 0 in the last batch norm of a block, so that it adds nothing yet."""
    if isinstance(module, Residual):
        nn.init.zeros_(module.bn2.weight)
    if isinstance(module, Bottleneck):
        nn.init.zeros_(module.bn3.weight)
