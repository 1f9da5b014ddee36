"""ZFNet, the network that won ImageNet in 2013: AlexNet looking closer at the first two layers.

Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", arXiv:1311.2901, figure 3.
"""

from __future__ import annotations

from collections import OrderedDict

from .. import nn
from ..tensor import Tensor
from .alexnet import paper_norm, three_linear_layers
from .common import check_images, check_sizes, map_side, xavier_weights


class ZFNet(nn.Module):
    """Five convolutions, then three linear layers: (N, C, 224, 224) -> (N, num_classes).

    Unlike AlexNet it begins with 7x7 windows two pixels apart (there 11x11, four apart) and takes the second
    convolution in steps of two. image_size: the side of the images, which decides the width of the first linear layer;
    ValueError where no pixel would be left. contrast_norm: normalise behind the first two pools, here across channels
    as AlexNet does; the paper has local contrast normalisation there. dropout: the share that is dropped behind each
    hidden linear layer. hidden: their width. Weights start Xavier-uniform, biases as the layers set them.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 224,
        contrast_norm: bool = False,
        dropout: float = 0.5,
        hidden: int = 4096,
    ):
        super().__init__()
        check_sizes("ZFNet", in_channels, num_classes)
        self.in_channels = in_channels
        self.image_size = image_size
        # The paper's 110 -> 55 and 26 -> 13 need one row more than the map has: hence the padding in two of the pools.
        features = OrderedDict(
            conv1=nn.Conv2d(in_channels, 96, kernel_size=7, stride=2, padding=1),  # -> (N, 96, 110, 110)
            act1=nn.ReLU(),
            pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, 96, 55, 55)
            norm1=paper_norm(),
            conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),  # -> (N, 256, 26, 26)
            act2=nn.ReLU(),
            pool2=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, 256, 13, 13)
            norm2=paper_norm(),
            conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # -> (N, 384, 13, 13)
            act3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),  # -> (N, 384, 13, 13)
            act4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # -> (N, 256, 13, 13)
            act5=nn.ReLU(),
            pool3=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 256, 6, 6)
        )
        if not contrast_norm:
            del features["norm1"], features["norm2"]
        self.features = nn.Sequential(features)
        side = map_side("ZFNet", self.features, image_size)
        self.classifier = three_linear_layers(256 * side**2, num_classes, dropout, hidden)
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("ZFNet", input, self.in_channels, size=(self.image_size, self.image_size))
        return self.classifier(self.features(input))


def zfnet(
    in_channels: int = 1,
    num_classes: int = 10,
    image_size: int = 224,
    contrast_norm: bool = False,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> ZFNet:
    """A ZFNet with fresh weights."""
    return ZFNet(in_channels, num_classes, image_size, contrast_norm, dropout, hidden)
