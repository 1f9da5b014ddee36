"""torchvision's DenseNets: those of the paper, for ImageNet. Source: Huang et al., arXiv:1608.06993."""

from __future__ import annotations

from ... import nn
from ..densenet import DENSENET121, DENSENET161, DENSENET169, DENSENET201, DenseNet, bottleneck_densenet


def densenet121(num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-121 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET121, in_channels, num_classes, drop_rate)
    net.apply(kaiming_weights)
    return net


def densenet161(num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-161 with fresh weights: each layer adds 48 channels. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET161, in_channels, num_classes, drop_rate, growth_rate=48, num_init_features=96)
    net.apply(kaiming_weights)
    return net


def densenet169(num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-169 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET169, in_channels, num_classes, drop_rate)
    net.apply(kaiming_weights)
    return net


def densenet201(num_classes: int = 1000, in_channels: int = 3, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-201 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET201, in_channels, num_classes, drop_rate)
    net.apply(kaiming_weights)
    return net


def kaiming_weights(module: nn.Module) -> None:
    """Normal weights that keep the variance of the outputs, for a convolution; bias 0 for the linear layer."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
