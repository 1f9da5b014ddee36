"""ShuffleNet v2 in torchvision's form, with the first weights of its layers. Source: Ma et al., arXiv:1807.11164."""

from __future__ import annotations

from ..shufflenet import ShuffleNetV2


def shufflenet_v2_x0_5(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """The narrowest ShuffleNet v2, with fresh weights."""
    return ShuffleNetV2(in_channels, num_classes, 0.5)


def shufflenet_v2_x1_0(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """The ShuffleNet v2 of width 1.0, with fresh weights."""
    return ShuffleNetV2(in_channels, num_classes, 1.0)


def shufflenet_v2_x1_5(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """The ShuffleNet v2 of width 1.5, with fresh weights."""
    return ShuffleNetV2(in_channels, num_classes, 1.5)


def shufflenet_v2_x2_0(num_classes: int = 1000, in_channels: int = 3) -> ShuffleNetV2:
    """The widest ShuffleNet v2, with fresh weights."""
    return ShuffleNetV2(in_channels, num_classes, 2.0)
