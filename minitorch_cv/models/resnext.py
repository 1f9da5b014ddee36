"""ResNeXt: bottlenecks whose 3x3 convolution works in groups. Source: Dive into Deep Learning, section 8.6.5."""

from __future__ import annotations

from .resnet import WIDE, Bottleneck, ResNet, resnet


def resnext_block(
    in_channels: int,
    num_channels: int,
    strides: int = 1,
    groups: int = 32,
    bot_mul: float = 0.5,
    stochastic_depth: float = 0.0,
) -> Bottleneck:
    """y = relu(F(x) + x): 1x1, grouped 3x3 and 1x1 convolution, num_channels · bot_mul channels in the middle.

    (N, in_channels, H, W) -> (N, num_channels, ⌈H/s⌉, ⌈W/s⌉); unlike `Residual`, batch norm in the shortcut. `groups`
    is their number; the book's code takes the channels of each.
    """
    return Bottleneck(
        in_channels,
        num_channels,
        strides,
        bot_mul,
        groups,
        shortcut_norm=True,
        stochastic_depth=stochastic_depth,
    )


def resnext50(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNeXt-50 with fresh weights: ResNet-50 with twice the channels in the bottlenecks, in 32 groups.

    Source: Xie et al., arXiv:1611.05431, where it is called 32x4d.
    """
    return resnet(resnext_block, (3, 4, 6, 3), WIDE, in_channels, num_classes, stochastic_depth)
