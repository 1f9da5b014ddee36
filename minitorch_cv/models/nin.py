"""NiN, network in network: 1x1 convolutions as small networks on every pixel, and no linear layer at the end.

Source: Dive into Deep Learning, section 8.3; Lin, Chen and Yan, arXiv:1312.4400.
"""

from __future__ import annotations

from collections import OrderedDict

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights


def nin_block(in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int) -> nn.Sequential:
    """A convolution and two 1x1 convolutions, a ReLU behind each: (N, C, H, W) -> (N, O, OH, OW)."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding),
            act1=nn.ReLU(),
            conv2=nn.Conv2d(out_channels, out_channels, kernel_size=1),
            act2=nn.ReLU(),
            conv3=nn.Conv2d(out_channels, out_channels, kernel_size=1),
            act3=nn.ReLU(),
        )
    )


class NiN(nn.Module):
    """Four blocks, the last with one channel for each class, then their mean: (N, C, H, W) -> (N, num_classes).

    Takes images of any size from 67x67 on; the book's are 224x224. As in the book, the last block ends in a ReLU, so
    that no output is negative; a class whose outputs are all 0 gets no gradient, and some runs stall on it. dropout:
    the share that is dropped in front of the last block. Weights start Xavier-uniform, biases as the layers set them.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, dropout: float = 0.5):
        super().__init__()
        check_sizes("NiN", in_channels, num_classes)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                block1=nin_block(in_channels, 96, kernel_size=11, stride=4, padding=0),  # -> (N, 96, 54, 54)
                pool1=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 96, 26, 26)
                block2=nin_block(96, 256, kernel_size=5, stride=1, padding=2),  # -> (N, 256, 26, 26)
                pool2=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 256, 12, 12)
                block3=nin_block(256, 384, kernel_size=3, stride=1, padding=1),  # -> (N, 384, 12, 12)
                pool3=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 384, 5, 5)
                dropout=nn.Dropout(dropout),
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                block4=nin_block(384, num_classes, kernel_size=3, stride=1, padding=1),  # -> (N, num_classes, 5, 5)
                pool4=nn.AdaptiveAvgPool2d(1),  # -> (N, num_classes, 1, 1)
                flatten=nn.Flatten(),  # -> (N, num_classes)
            )
        )
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("NiN", input, self.in_channels, least=67)
        return self.classifier(self.features(input))


def nin(in_channels: int = 1, num_classes: int = 10, dropout: float = 0.5) -> NiN:
    """A NiN with fresh weights."""
    return NiN(in_channels, num_classes, dropout)
