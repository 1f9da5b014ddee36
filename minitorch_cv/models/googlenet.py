"""GoogLeNet: blocks of four parallel paths, joined along the channels.

Source: Dive into Deep Learning, section 8.4; Szegedy et al., "Going Deeper with Convolutions", 2015.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from .. import nn
from ..ops.shape import cat
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights

Norm = Callable[[int], nn.Module]  # builds the normalisation of that many channels


def conv_block(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0, norm: Norm | None = None
) -> nn.Sequential:
    """Convolution and ReLU; with `norm` a normalisation between them, which takes the place of the bias."""
    layers: dict[str, nn.Module] = OrderedDict()
    layers["conv"] = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=norm is None)
    if norm is not None:
        layers["bn"] = norm(out_channels)
    layers["relu"] = nn.ReLU()
    return nn.Sequential(layers)


class Inception(nn.Module):
    """y = [branch1(x), branch2(x), branch3(x), branch4(x)], joined along the channels.

    x (N, C, H, W) -> y (N, c1 + c2[1] + c3[1] + c4, H, W). The paths look at 1x1, 3x3 and 5x5 pixels, and at the
    largest value of 3x3; a 1x1 convolution first thins out the channels of the second and third to c2[0] and c3[0].
    kernel3: the third path's kernel, 5 in the paper, 3 in torchvision.
    """

    def __init__(
        self,
        in_channels: int,
        c1: int,
        c2: tuple[int, int],
        c3: tuple[int, int],
        c4: int,
        norm: Norm | None = None,
        kernel3: int = 5,
    ):
        super().__init__()
        self.branch1 = conv_block(in_channels, c1, kernel_size=1, norm=norm)
        self.branch2 = nn.Sequential(
            conv_block(in_channels, c2[0], kernel_size=1, norm=norm),
            conv_block(c2[0], c2[1], kernel_size=3, padding=1, norm=norm),
        )
        self.branch3 = nn.Sequential(
            conv_block(in_channels, c3[0], kernel_size=1, norm=norm),
            conv_block(c3[0], c3[1], kernel_size=kernel3, padding=kernel3 // 2, norm=norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1),
            conv_block(in_channels, c4, kernel_size=1, norm=norm),
        )

    def forward(self, input: Tensor) -> Tensor:
        return cat([self.branch1(input), self.branch2(input), self.branch3(input), self.branch4(input)], dim=1)


# in_channels, c1, c2, c3, c4 of every block: the same in the book, in the paper and in torchvision.
WIDTHS: dict[str, tuple[int, int, tuple[int, int], tuple[int, int], int]] = {
    "3a": (192, 64, (96, 128), (16, 32), 32),
    "3b": (256, 128, (128, 192), (32, 96), 64),
    "4a": (480, 192, (96, 208), (16, 48), 64),
    "4b": (512, 160, (112, 224), (24, 64), 64),
    "4c": (512, 128, (128, 256), (24, 64), 64),
    "4d": (512, 112, (144, 288), (32, 64), 64),
    "4e": (528, 256, (160, 320), (32, 128), 128),
    "5a": (832, 256, (160, 320), (32, 128), 128),
    "5b": (832, 384, (192, 384), (48, 128), 128),
}


class GoogLeNet(nn.Module):
    """A stem of three convolutions, nine Inception blocks in three stages, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes), for images of any size; the shapes below are for 96x96. norm: as in
    `conv_block`, after every convolution. ratio: the channels of every layer are divided by it; ValueError where one
    would be left without. Weights start Xavier-uniform, as the book trains it. The paper's two auxiliary classifiers
    are left out, as in the book; `minitorch_cv.models.torchvision` has them.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, norm: Norm | None = None, ratio: int = 1):
        super().__init__()
        check_sizes("GoogLeNet", in_channels, num_classes)
        if not 1 <= ratio <= 16:
            raise ValueError(f"GoogLeNet: ratio={ratio}; choose 1 to 16, the channels of the narrowest convolution")
        self.in_channels = in_channels
        c1, c2, c5 = 64 // ratio, 192 // ratio, 1024 // ratio
        self.features = nn.Sequential(
            OrderedDict(
                b1=nn.Sequential(
                    conv_block(in_channels, c1, kernel_size=7, stride=2, padding=3, norm=norm),  # -> (N, 64, 48, 48)
                    nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, 64, 24, 24)
                ),
                b2=nn.Sequential(
                    conv_block(c1, c1, kernel_size=1, norm=norm),
                    conv_block(c1, c2, kernel_size=3, padding=1, norm=norm),  # -> (N, 192, 24, 24)
                    nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, 192, 12, 12)
                ),
                b3=inception_stage(["3a", "3b"], norm, ratio),  # -> (N, 480, 6, 6)
                b4=inception_stage(["4a", "4b", "4c", "4d", "4e"], norm, ratio),  # -> (N, 832, 3, 3)
                b5=nn.Sequential(
                    inception("5a", norm, ratio),
                    inception("5b", norm, ratio),  # -> (N, 1024, 3, 3)
                    nn.AdaptiveAvgPool2d(1),
                    nn.Flatten(),  # -> (N, 1024)
                ),
            )
        )
        self.classifier = nn.Linear(c5, num_classes)
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("GoogLeNet", input, self.in_channels)
        return self.classifier(self.features(input))


def inception(block: str, norm: Norm | None, ratio: int) -> Inception:
    """The block of this name, with its channels divided by the ratio."""
    in_channels, c1, c2, c3, c4 = WIDTHS[block]
    c2, c3 = ((reduced // ratio, out // ratio) for reduced, out in (c2, c3))
    return Inception(in_channels // ratio, c1 // ratio, c2, c3, c4 // ratio, norm)


def inception_stage(blocks: list[str], norm: Norm | None, ratio: int) -> nn.Sequential:
    """Inception blocks, then a pool that halves the map."""
    return nn.Sequential(
        *(inception(block, norm, ratio) for block in blocks),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )


def googlenet(in_channels: int = 1, num_classes: int = 10, ratio: int = 1) -> GoogLeNet:
    """The book's GoogLeNet with fresh weights."""
    return GoogLeNet(in_channels, num_classes, ratio=ratio)


def googlenet_bn(in_channels: int = 1, num_classes: int = 10, ratio: int = 1) -> GoogLeNet:
    """The book's GoogLeNet with batch normalisation after every convolution. Source: Ioffe and Szegedy, 2015."""
    return GoogLeNet(in_channels, num_classes, norm=nn.BatchNorm2d, ratio=ratio)
