"""AlexNet, the network that won ImageNet in 2012: the book's form and the paper's.

Source: Dive into Deep Learning, section 8.1; Krizhevsky, Sutskever and Hinton, 2012.
"""

from __future__ import annotations

from collections import OrderedDict

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, map_side, xavier_weights


class AlexNet(nn.Module):
    """Five convolutions, then three linear layers: (N, C, 224, 224) -> (N, num_classes).

    image_size: the side of the images; the first linear layer is as wide as the last map then has it, and nothing else
    changes. ValueError where no pixel would be left. padding: of the first convolution, 1 in the book and 2 in the
    paper. local_response_norm: normalise across channels behind the first two activations, as the paper does; the book
    leaves it out. dropout: the share that is dropped behind each hidden linear layer. hidden: their width; with fewer
    than the 4096 of book and paper, the network also suits small images and machines. Weights start Xavier-uniform,
    biases as the layers set them. 46,764,746 parameters with the defaults.
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 10,
        image_size: int = 224,
        padding: int = 1,
        local_response_norm: bool = False,
        dropout: float = 0.5,
        hidden: int = 4096,
    ):
        super().__init__()
        check_sizes("AlexNet", in_channels, num_classes)
        self.in_channels = in_channels
        self.image_size = image_size
        # The maps' sides are the book's; the paper's are 55, 27, 13, 6.
        features = OrderedDict(
            conv1=nn.Conv2d(in_channels, 96, kernel_size=11, stride=4, padding=padding),  # -> (N, 96, 54, 54)
            act1=nn.ReLU(),
            norm1=paper_norm(),
            pool1=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 96, 26, 26)
            conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),  # -> (N, 256, 26, 26)
            act2=nn.ReLU(),
            norm2=paper_norm(),
            pool2=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 256, 12, 12)
            conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # -> (N, 384, 12, 12)
            act3=nn.ReLU(),
            conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),  # -> (N, 384, 12, 12)
            act4=nn.ReLU(),
            conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # -> (N, 256, 12, 12)
            act5=nn.ReLU(),
            pool3=nn.MaxPool2d(kernel_size=3, stride=2),  # -> (N, 256, 5, 5)
        )
        if not local_response_norm:
            del features["norm1"], features["norm2"]
        self.features = nn.Sequential(features)
        side = map_side("AlexNet", self.features, image_size)
        self.classifier = three_linear_layers(256 * side**2, num_classes, dropout, hidden)
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("AlexNet", input, self.in_channels, size=(self.image_size, self.image_size))
        return self.classifier(self.features(input))


def paper_norm() -> nn.Module:
    """The paper's x / (2 + 10⁻⁴ Σ x²)^¾ over five channels; the layer divides its alpha by their number."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def three_linear_layers(in_features: int, num_classes: int, dropout: float, hidden: int) -> nn.Sequential:
    """The end of AlexNet, VGG and ZFNet: (N, C, H, W) -> (N, num_classes), where in_features = C H W."""
    if hidden < 1:
        raise ValueError(f"hidden={hidden}; choose 1 or more, the width of the two hidden linear layers")
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),  # -> (N, in_features)
            fc1=nn.Linear(in_features, hidden),  # -> (N, hidden)
            act1=nn.ReLU(),
            dropout1=nn.Dropout(dropout),
            fc2=nn.Linear(hidden, hidden),  # -> (N, hidden)
            act2=nn.ReLU(),
            dropout2=nn.Dropout(dropout),
            fc3=nn.Linear(hidden, num_classes),
        )
    )


def alexnet(
    in_channels: int = 1, num_classes: int = 10, image_size: int = 224, dropout: float = 0.5, hidden: int = 4096
) -> AlexNet:
    """The book's AlexNet with fresh weights."""
    return AlexNet(in_channels, num_classes, image_size, dropout=dropout, hidden=hidden)


def alexnet_paper(
    in_channels: int = 3,
    num_classes: int = 1000,
    image_size: int = 224,
    local_response_norm: bool = False,
    dropout: float = 0.5,
    hidden: int = 4096,
) -> AlexNet:
    """The paper's AlexNet with fresh weights, on one device: no convolution is split into two groups."""
    return AlexNet(in_channels, num_classes, image_size, 2, local_response_norm, dropout, hidden)
