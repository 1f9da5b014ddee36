"""ShuffleNet v2: half of the channels pass by, then both halves are mixed. Source: Ma et al., arXiv:1807.11164."""

from __future__ import annotations

from .. import nn
from ..nn import functional as F
from ..ops.shape import cat
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights

BLOCKS = (4, 8, 4)  # in stages 2, 3 and 4
# Channels of conv1, of the stages 2, 3 and 4, and of conv5, by width.
CHANNELS = {
    0.5: (24, 48, 96, 192, 1024),
    1.0: (24, 116, 232, 464, 1024),
    1.5: (24, 176, 352, 704, 1024),
    2.0: (24, 244, 488, 976, 2048),
}


def pointwise(in_channels: int, out_channels: int) -> list[nn.Module]:
    """1x1 convolution, batch norm, ReLU."""
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    ]


def depthwise(channels: int, stride: int) -> list[nn.Module]:
    """A 3x3 filter for each channel, batch norm."""
    return [
        nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


class ShuffleUnit(nn.Module):
    """Filter one half of the channels, leave the other as it is, and deal them out in turn: x1, y1, x2, y2, ...

    (N, C, H, W) -> (N, C, H, W). With `in_channels` other than `channels` all channels enter both branches, and both
    halve the map: (N, in_channels, H, W) -> (N, channels, ⌈H/2⌉, ⌈W/2⌉).
    """

    def __init__(self, in_channels: int, channels: int):
        super().__init__()
        half = channels // 2
        self.downsamples = in_channels != channels
        if self.downsamples:
            self.branch1 = nn.Sequential(*depthwise(in_channels, stride=2), *pointwise(in_channels, half))
        self.branch2 = nn.Sequential(
            *pointwise(in_channels if self.downsamples else half, half),
            *depthwise(half, stride=2 if self.downsamples else 1),
            *pointwise(half, half),
        )

    def forward(self, input: Tensor) -> Tensor:
        if self.downsamples:
            halves = [self.branch1(input), self.branch2(input)]
        else:
            unchanged, filtered = input.chunk(2, dim=1)
            halves = [unchanged, self.branch2(filtered)]
        return F.channel_shuffle(cat(halves, dim=1), 2)


class ShuffleNetV2(nn.Module):
    """A convolution and a pool, three stages of units, a 1x1 convolution, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes); the map is 32 times smaller than the image. width_mult: one of the
    four widths of the paper, 0.5, 1.0, 1.5 and 2.0; ValueError for another. The shapes are those of width 1.0 on 96x96.
    """

    def __init__(self, in_channels: int, num_classes: int, width_mult: float):
        super().__init__()
        check_sizes("ShuffleNetV2", in_channels, num_classes)
        if width_mult not in CHANNELS:
            raise ValueError(f"ShuffleNetV2: width_mult={width_mult}; choose one of {', '.join(map(str, CHANNELS))}")
        c1, c2, c3, c4, c5 = CHANNELS[width_mult]
        self.in_channels = in_channels
        self.conv1 = nn.Sequential(  # -> (N, 24, 48, 48)
            nn.Conv2d(in_channels, c1, kernel_size=3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c1), nn.ReLU()
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)  # -> (N, 24, 24, 24)
        self.stage2 = stage(BLOCKS[0], c1, c2)  # -> (N, 116, 12, 12)
        self.stage3 = stage(BLOCKS[1], c2, c3)  # -> (N, 232, 6, 6)
        self.stage4 = stage(BLOCKS[2], c3, c4)  # -> (N, 464, 3, 3)
        self.conv5 = nn.Sequential(*pointwise(c4, c5))  # -> (N, 1024, 3, 3)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # -> (N, 1024)
        self.fc = nn.Linear(c5, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        check_images("ShuffleNetV2", input, self.in_channels)
        x = self.maxpool(self.conv1(input))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(self.flatten(self.avgpool(x)))


def stage(blocks: int, in_channels: int, channels: int) -> nn.Sequential:
    """A unit that halves the map, and further ones that keep its shape."""
    return nn.Sequential(
        ShuffleUnit(in_channels, channels), *(ShuffleUnit(channels, channels) for _ in range(blocks - 1))
    )


def shufflenet_v2(in_channels: int = 1, num_classes: int = 10, width_mult: float = 1.0) -> ShuffleNetV2:
    """A ShuffleNet v2 with fresh weights."""
    net = ShuffleNetV2(in_channels, num_classes, width_mult)
    net.apply(xavier_weights)
    return net
