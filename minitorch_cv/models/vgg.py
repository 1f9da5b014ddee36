"""VGG: a network made of blocks of 3x3 convolutions.

Source: Dive into Deep Learning, section 8.2; Simonyan and Zisserman, arXiv:1409.1556.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from .. import nn
from ..tensor import Tensor
from .alexnet import three_linear_layers
from .common import check_images, check_sizes, map_side, xavier_weights

CHANNELS = (64, 128, 256, 512, 512)  # behind each block
CONVS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # in each, by depth


def vgg_block(num_convs: int, in_channels: int, out_channels: int, batch_norm: bool = False) -> nn.Sequential:
    """3x3 convolutions that keep the size, then a pool that halves it: (N, C, H, W) -> (N, O, H/2, W/2)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(1, num_convs + 1):
        layers[f"conv{i}"] = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
        if batch_norm:
            layers[f"norm{i}"] = nn.BatchNorm2d(out_channels)
        layers[f"act{i}"] = nn.ReLU()
        in_channels = out_channels
    layers["pool"] = nn.MaxPool2d(kernel_size=2, stride=2)
    return nn.Sequential(layers)


def vgg_blocks(
    depth: int, in_channels: int, channels: Sequence[int] = CHANNELS, batch_norm: bool = False
) -> list[nn.Sequential]:
    """The five blocks of the VGG with this number of layers. ValueError where there is none."""
    if depth not in CONVS:
        raise ValueError(f"VGG: depth={depth}; choose one of {', '.join(map(str, CONVS))}")
    widths = (in_channels, *channels)
    return [vgg_block(n, widths[i], widths[i + 1], batch_norm) for i, n in enumerate(CONVS[depth])]


class VGG(nn.Module):
    """Five blocks of convolutions, then three linear layers: (N, C, 224, 224) -> (N, num_classes).

    depth: 11, 13, 16 or 19, the number of layers with weights. ratio: the channels of every convolution are divided by
    it; the linear layers stay as wide, as in the book, which trains VGG-11 with ratio 4. image_size: the side of the
    images, which decides how many inputs the first linear layer has. dropout: the share that is dropped behind each
    hidden linear layer. hidden: their width. Weights start Xavier-uniform, biases as the layers set them.
    ValueError for another depth, a ratio that leaves no channel, and an image_size that leaves no pixel.
    """

    def __init__(
        self,
        depth: int,
        in_channels: int = 1,
        num_classes: int = 10,
        ratio: int = 1,
        image_size: int = 224,
        dropout: float = 0.5,
        hidden: int = 4096,
    ):
        super().__init__()
        check_sizes("VGG", in_channels, num_classes)
        if not 1 <= ratio <= CHANNELS[0]:
            raise ValueError(f"VGG: ratio={ratio}; choose 1 to {CHANNELS[0]}, the channels of the first block")
        self.name = f"VGG-{depth}"
        self.in_channels = in_channels
        self.image_size = image_size
        channels = [c // ratio for c in CHANNELS]
        blocks = vgg_blocks(depth, in_channels, channels)  # sides 224 -> 112 -> 56 -> 28 -> 14 -> 7
        self.features = nn.Sequential(OrderedDict((f"block{i}", block) for i, block in enumerate(blocks, start=1)))
        side = map_side(self.name, self.features, image_size)
        self.classifier = three_linear_layers(channels[-1] * side**2, num_classes, dropout, hidden)
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images(self.name, input, self.in_channels, size=(self.image_size, self.image_size))
        return self.classifier(self.features(input))


def vgg11(
    in_channels: int = 1,
    num_classes: int = 10,
    ratio: int = 1,
    image_size: int = 224,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> VGG:
    """A VGG with 8 convolutions and 3 linear layers, and fresh weights."""
    return VGG(11, in_channels, num_classes, ratio, image_size, dropout, hidden)


def vgg13(
    in_channels: int = 1,
    num_classes: int = 10,
    ratio: int = 1,
    image_size: int = 224,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> VGG:
    """A VGG with 10 convolutions and 3 linear layers, and fresh weights."""
    return VGG(13, in_channels, num_classes, ratio, image_size, dropout, hidden)


def vgg16(
    in_channels: int = 1,
    num_classes: int = 10,
    ratio: int = 1,
    image_size: int = 224,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> VGG:
    """A VGG with 13 convolutions and 3 linear layers, and fresh weights."""
    return VGG(16, in_channels, num_classes, ratio, image_size, dropout, hidden)


def vgg19(
    in_channels: int = 1,
    num_classes: int = 10,
    ratio: int = 1,
    image_size: int = 224,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> VGG:
    """A VGG with 16 convolutions and 3 linear layers, and fresh weights."""
    return VGG(19, in_channels, num_classes, ratio, image_size, dropout, hidden)
