"""MobileNet v2 in torchvision's form. Source: Sandler et al., arXiv:1801.04381."""

from __future__ import annotations

from ... import nn
from ..mobilenet import MobileNetV2


def mobilenet_v2(
    num_classes: int = 1000, in_channels: int = 3, width_mult: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """A MobileNet v2 with fresh weights."""
    net = MobileNetV2(in_channels, num_classes, width_mult, dropout)
    net.apply(first_weights)
    return net


def first_weights(module: nn.Module) -> None:
    """He-normal filters by fan-out; a small normal linear layer without bias."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)
