"""SqueezeNet 1.0 and 1.1 in torchvision's form. Source: Iandola et al., arXiv:1602.07360."""

from __future__ import annotations

from ... import nn
from ..squeezenet import SqueezeNet


def squeezenet1_0(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """The paper's SqueezeNet, with fresh weights."""
    return with_first_weights(SqueezeNet(in_channels, num_classes, "1_0", dropout))


def squeezenet1_1(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """The lighter SqueezeNet of its authors, with fresh weights."""
    return with_first_weights(SqueezeNet(in_channels, num_classes, "1_1", dropout))


def with_first_weights(net: SqueezeNet) -> SqueezeNet:
    """He-uniform filters, small normal ones in the last convolution, no biases."""
    last = net.classifier[1]
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            if module is last:
                nn.init.normal_(module.weight, std=0.01)
            else:
                nn.init.kaiming_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return net
