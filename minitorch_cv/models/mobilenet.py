"""MobileNet v1 and v2: a 3x3 filter on each channel for itself, 1x1 filters to mix the channels.

Such a depthwise separable convolution takes 1/O + 1/9 of the multiply-adds of a full 3x3 one with O outputs.
Source: Howard et al., arXiv:1704.04861; Sandler et al., arXiv:1801.04381.
"""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights


def conv_norm(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    """Convolution without bias, then batch norm, then the activation if any; padded so that stride 1 keeps the size."""
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    return nn.Sequential(*layers, *([] if activation is None else [activation()]))


def make_divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, but at least `divisor` and at least 0.9 of `channels`."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * channels else nearest + divisor


def check_width(network: str, width_mult: float) -> None:
    """ValueError where the number of channels would be multiplied by nothing, or by less."""
    if not width_mult > 0:
        raise ValueError(f"{network}: width_mult={width_mult}; choose a number above 0, such as 0.25, 0.5 or 1.0")


class DepthwiseSeparable(nn.Sequential):
    """One 3x3 filter for each channel, then 1x1 filters over all channels, each with batch norm and ReLU.

    (N, C, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__(
            conv_norm(in_channels, in_channels, kernel_size=3, stride=stride, groups=in_channels, activation=nn.ReLU),
            conv_norm(in_channels, out_channels, kernel_size=1, activation=nn.ReLU),
        )


class MobileNetV1(nn.Module):
    """A convolution and thirteen depthwise separable ones, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes); the map is 32 times smaller than the image. width_mult multiplies the
    number of channels of every layer, which is then rounded by `make_divisible`.
    """

    # Channels and stride of each block. Map on 96x96 before the first: 48x48.
    BLOCKS = (
        (64, 1),
        (128, 2),  # -> (N, 128, 24, 24)
        (128, 1),
        (256, 2),  # -> (N, 256, 12, 12)
        (256, 1),
        (512, 2),  # -> (N, 512, 6, 6)
        *[(512, 1)] * 5,
        (1024, 2),  # -> (N, 1024, 3, 3)
        (1024, 1),
    )

    def __init__(self, in_channels: int, num_classes: int, width_mult: float):
        super().__init__()
        check_sizes("MobileNetV1", in_channels, num_classes)
        check_width("MobileNetV1", width_mult)
        self.in_channels = in_channels
        channels = make_divisible(32 * width_mult)
        self.features = nn.Sequential(conv_norm(in_channels, channels, kernel_size=3, stride=2, activation=nn.ReLU))
        for width, stride in self.BLOCKS:
            out_channels = make_divisible(width * width_mult)
            self.features.append(DepthwiseSeparable(channels, out_channels, stride))
            channels = out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # -> (N, 1024)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        check_images("MobileNetV1", input, self.in_channels)
        return self.classifier(self.flatten(self.avgpool(self.features(input))))


class InvertedResidual(nn.Module):
    """Expand the channels, filter each for itself, project to few again; x is added where the shape stays.

    (N, C, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉). The projection has no activation: a ReLU on so few channels
    would lose what they carry.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: int):
        super().__init__()
        self.keeps_shape = stride == 1 and in_channels == out_channels
        hidden = in_channels * expand_ratio
        layers = [conv_norm(in_channels, hidden, kernel_size=1, activation=nn.ReLU6)] if expand_ratio != 1 else []
        self.conv = nn.Sequential(
            *layers,
            conv_norm(hidden, hidden, kernel_size=3, stride=stride, groups=hidden, activation=nn.ReLU6),
            *conv_norm(hidden, out_channels, kernel_size=1),
        )

    def forward(self, input: Tensor) -> Tensor:
        return input + self.conv(input) if self.keeps_shape else self.conv(input)


class MobileNetV2(nn.Module):
    """A convolution, seventeen inverted residuals and a 1x1 convolution, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes); the map is 32 times smaller than the image. width_mult multiplies the
    number of channels of every layer (of the last 1x1 convolution only where it is above 1), which is then rounded by
    `make_divisible`.
    """

    # Expansion, channels, number of blocks, stride of the first of them. Map on 96x96 before the first: 48x48.
    STAGES = (
        (1, 16, 1, 1),
        (6, 24, 2, 2),  # -> (N, 24, 24, 24)
        (6, 32, 3, 2),  # -> (N, 32, 12, 12)
        (6, 64, 4, 2),  # -> (N, 64, 6, 6)
        (6, 96, 3, 1),
        (6, 160, 3, 2),  # -> (N, 160, 3, 3)
        (6, 320, 1, 1),
    )

    def __init__(self, in_channels: int, num_classes: int, width_mult: float, dropout: float):
        super().__init__()
        check_sizes("MobileNetV2", in_channels, num_classes)
        check_width("MobileNetV2", width_mult)
        self.in_channels = in_channels
        channels, last = make_divisible(32 * width_mult), make_divisible(1280 * max(1.0, width_mult))
        self.features = nn.Sequential(conv_norm(in_channels, channels, kernel_size=3, stride=2, activation=nn.ReLU6))
        for expand_ratio, width, blocks, first_stride in self.STAGES:
            out_channels = make_divisible(width * width_mult)
            for block in range(blocks):
                stride = first_stride if block == 0 else 1
                self.features.append(InvertedResidual(channels, out_channels, stride, expand_ratio))
                channels = out_channels
        self.features.append(conv_norm(channels, last, kernel_size=1, activation=nn.ReLU6))  # -> (N, 1280, 3, 3)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # -> (N, 1280)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        check_images("MobileNetV2", input, self.in_channels)
        return self.classifier(self.flatten(self.avgpool(self.features(input))))


def mobilenet_v1(in_channels: int = 1, num_classes: int = 10, width_mult: float = 1.0) -> MobileNetV1:
    """A MobileNet v1 with fresh weights."""
    net = MobileNetV1(in_channels, num_classes, width_mult)
    net.apply(xavier_weights)
    return net


def mobilenet_v2(
    in_channels: int = 1, num_classes: int = 10, width_mult: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """A MobileNet v2 with fresh weights."""
    net = MobileNetV2(in_channels, num_classes, width_mult, dropout)
    net.apply(xavier_weights)
    return net
