"""SqueezeNet 1.0 and 1.1 in torchvision's form. Source: Iandola et al., arXiv:1602.07360."""

from __future__ import annotations

from ..squeezenet import SqueezeNet, with_first_weights


def squeezenet1_0(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """The paper's SqueezeNet, with fresh weights."""
    return with_first_weights(SqueezeNet(in_channels, num_classes, "1_0", dropout, relu_last=True))


def squeezenet1_1(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> SqueezeNet:
    """The lighter SqueezeNet of its authors, with fresh weights."""
    return with_first_weights(SqueezeNet(in_channels, num_classes, "1_1", dropout, relu_last=True))
