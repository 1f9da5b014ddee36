"""EfficientNet-B0: inverted residuals that weigh their channels. Source: Tan and Le, arXiv:1905.11946."""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights
from .mobilenet import conv_norm
from .se_resnet import SqueezeExcitation


class MBConv(nn.Module):
    """Expand the channels, filter each for itself, weigh them, project; x is added where the shape stays.

    (N, C, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉). drop: the probability that a picture in training gets only x.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expand_ratio: int, drop: float
    ):
        super().__init__()
        self.keeps_shape = stride == 1 and in_channels == out_channels
        hidden = in_channels * expand_ratio
        layers = [conv_norm(in_channels, hidden, kernel_size=1, activation=nn.SiLU)] if expand_ratio != 1 else []
        self.block = nn.Sequential(
            *layers,
            conv_norm(hidden, hidden, kernel_size, stride, groups=hidden, activation=nn.SiLU),
            SqueezeExcitation(hidden, in_channels // 4, nn.SiLU),
            conv_norm(hidden, out_channels, kernel_size=1),
        )
        self.stochastic_depth = nn.StochasticDepth(drop, "row")

    def forward(self, input: Tensor) -> Tensor:
        return input + self.stochastic_depth(self.block(input)) if self.keeps_shape else self.block(input)


class EfficientNet(nn.Module):
    """A convolution, seven stages of MBConv and a 1x1 convolution, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes); the map is 32 times smaller than the image. stochastic_depth_prob: the
    probability that a picture skips a block grows from 0 in the first towards this beyond the last.
    """

    # Expansion, kernel, stride of the first block, channels, number of blocks. Map on 96x96 before the first: 48x48.
    STAGES = (
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),  # -> (N, 24, 24, 24)
        (6, 5, 2, 40, 2),  # -> (N, 40, 12, 12)
        (6, 3, 2, 80, 3),  # -> (N, 80, 6, 6)
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),  # -> (N, 192, 3, 3)
        (6, 3, 1, 320, 1),
    )

    def __init__(self, in_channels: int, num_classes: int, dropout: float, stochastic_depth_prob: float):
        super().__init__()
        check_sizes("EfficientNet", in_channels, num_classes)
        self.in_channels = in_channels
        self.features = nn.Sequential(conv_norm(in_channels, 32, kernel_size=3, stride=2, activation=nn.SiLU))
        channels, built, total = 32, 0, sum(blocks for *_, blocks in self.STAGES)
        for expand_ratio, kernel_size, first_stride, out_channels, blocks in self.STAGES:
            stage = nn.Sequential()
            for block in range(blocks):
                stride = first_stride if block == 0 else 1
                drop = stochastic_depth_prob * built / total
                stage.append(MBConv(channels, out_channels, kernel_size, stride, expand_ratio, drop))
                channels, built = out_channels, built + 1
            self.features.append(stage)
        self.features.append(conv_norm(320, 1280, kernel_size=1, activation=nn.SiLU))  # -> (N, 1280, 3, 3)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # -> (N, 1280)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, num_classes))

    def forward(self, input: Tensor) -> Tensor:
        check_images("EfficientNet", input, self.in_channels)
        return self.classifier(self.flatten(self.avgpool(self.features(input))))


def efficientnet_b0(
    in_channels: int = 1, num_classes: int = 10, dropout: float = 0.2, stochastic_depth_prob: float = 0.2
) -> EfficientNet:
    """An EfficientNet-B0 with fresh weights."""
    net = EfficientNet(in_channels, num_classes, dropout, stochastic_depth_prob)
    net.apply(xavier_weights)
    return net
