"""torchvision's AlexNet: narrower than the first one, for images of any size. Source: Krizhevsky, arXiv:1404.5997."""

from __future__ import annotations

from ... import nn
from ...tensor import Tensor
from ..common import check_images, check_sizes


class AlexNet(nn.Module):
    """Five convolutions, a pool to 6x6, then three linear layers: (N, C, H, W) -> (N, num_classes).

    Takes images of any size from 63x63 on. dropout: the share that is dropped in front of each hidden linear layer, as
    torchvision has it; the paper drops behind them. Weights start as the layers set them. 61,100,840 parameters with
    the defaults.
    """

    def __init__(self, num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5):
        super().__init__()
        check_sizes("AlexNet", in_channels, num_classes)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # (N, C, 224, 224) -> (N, 64, 55, 55)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # -> (N, 192, 27, 27)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # -> (N, 384, 13, 13)
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # -> (N, 256, 13, 13)
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # -> (N, 256, 13, 13)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # -> (N, 256, 6, 6), whatever came in
        self.flatten = nn.Flatten()  # -> (N, 9216)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, input: Tensor) -> Tensor:
        check_images("AlexNet", input, self.in_channels, least=63)
        return self.classifier(self.flatten(self.avgpool(self.features(input))))


def alexnet(num_classes: int = 1000, in_channels: int = 3, dropout: float = 0.5) -> AlexNet:
    """torchvision's AlexNet with fresh weights."""
    return AlexNet(num_classes, in_channels, dropout)
