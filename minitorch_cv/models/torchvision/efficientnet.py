"""EfficientNet-B0 in torchvision's form. Source: Tan and Le, arXiv:1905.11946."""

from __future__ import annotations

import math

from ... import nn
from ..efficientnet import EfficientNet


def efficientnet_b0(
    num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.2, stochastic_depth_prob: float = 0.2
) -> EfficientNet:
    """An EfficientNet-B0 with fresh weights."""
    net = EfficientNet(in_channels, num_classes, dropout, stochastic_depth_prob)
    net.apply(first_weights)
    return net


def first_weights(module: nn.Module) -> None:
    """He-normal filters by fan-out; linear weights uniform in ±1/√O; no biases."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
    if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
        nn.init.zeros_(module.bias)
