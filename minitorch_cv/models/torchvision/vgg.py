"""torchvision's VGG: the book's blocks in one row, for images of any size, with or without batch normalisation."""

from __future__ import annotations

from ... import nn
from ...tensor import Tensor
from ..common import check_images, check_sizes
from ..vgg import vgg_blocks


class VGG(nn.Module):
    """Five blocks of convolutions, a pool to 7x7, then three linear layers: (N, C, H, W) -> (N, num_classes).

    Takes images of any size from 32x32 on. depth: 11, 13, 16 or 19. batch_norm: behind every convolution. dropout: the
    share that is dropped behind each hidden linear layer. Weights start as torchvision's do: Kaiming-normal for a
    convolution, normal with standard deviation 0.01 for a linear layer, all biases 0.
    """

    def __init__(
        self,
        depth: int,
        batch_norm: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.name = f"VGG-{depth}"
        check_sizes(self.name, in_channels, num_classes)
        self.in_channels = in_channels
        blocks = vgg_blocks(depth, in_channels, batch_norm=batch_norm)
        self.features = nn.Sequential(*(layer for block in blocks for layer in block))  # -> (N, 512, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # -> (N, 512, 7, 7), whatever came in
        self.flatten = nn.Flatten()  # -> (N, 25088)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        self.apply(first_values)

    def forward(self, input: Tensor) -> Tensor:
        check_images(self.name, input, self.in_channels, least=32)
        return self.classifier(self.flatten(self.avgpool(self.features(input))))


def first_values(module: nn.Module) -> None:
    """torchvision's first weights for a convolution or linear layer of a VGG."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def vgg11(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11, with fresh weights."""
    return VGG(11, False, num_classes, in_channels, dropout)


def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-11 with batch normalisation, with fresh weights."""
    return VGG(11, True, num_classes, in_channels, dropout)


def vgg13(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-13, with fresh weights."""
    return VGG(13, False, num_classes, in_channels, dropout)


def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-13 with batch normalisation, with fresh weights."""
    return VGG(13, True, num_classes, in_channels, dropout)


def vgg16(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-16, with fresh weights."""
    return VGG(16, False, num_classes, in_channels, dropout)


def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-16 with batch normalisation, with fresh weights."""
    return VGG(16, True, num_classes, in_channels, dropout)


def vgg19(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-19, with fresh weights."""
    return VGG(19, False, num_classes, in_channels, dropout)


def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> VGG:
    """VGG-19 with batch normalisation, with fresh weights."""
    return VGG(19, True, num_classes, in_channels, dropout)
