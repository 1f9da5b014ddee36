"""LeNet: the first convolutional network in use, as it was and with batch normalisation.

Source: Dive into Deep Learning, sections 7.6 and 8.5; LeCun et al., 1998.
"""

from __future__ import annotations

from collections import OrderedDict

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}


def activation_layer(network: str, activation: str) -> type[nn.Module]:
    """The layer of this name. ValueError for an unknown one."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"{network}: activation={activation!r}; choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[activation]


class LeNet(nn.Module):
    """Two stages of convolution and pooling, then three linear layers: (N, C, 28, 28) -> (N, num_classes).

    activation: "sigmoid" as in the book, "relu" or "tanh"; ValueError for another. Weights start Xavier-uniform, as the
    book trains it; biases as the layers set them. 61,706 parameters with the defaults.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid"):
        super().__init__()
        check_sizes("LeNet", in_channels, num_classes)
        act = activation_layer("LeNet", activation)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 6, kernel_size=5, padding=2),  # (N, C, 28, 28) -> (N, 6, 28, 28)
                act1=act(),
                pool1=nn.AvgPool2d(kernel_size=2),  # -> (N, 6, 14, 14)
                conv2=nn.Conv2d(6, 16, kernel_size=5),  # -> (N, 16, 10, 10)
                act2=act(),
                pool2=nn.AvgPool2d(kernel_size=2),  # -> (N, 16, 5, 5)
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),  # -> (N, 400)
                fc1=nn.Linear(400, 120),
                act3=act(),
                fc2=nn.Linear(120, 84),
                act4=act(),
                fc3=nn.Linear(84, num_classes),
            )
        )
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("LeNet", input, self.in_channels, size=(28, 28))
        return self.classifier(self.features(input))


class BNLeNet(nn.Module):
    """LeNet with batch normalisation between every layer and its activation: (N, C, 28, 28) -> (N, num_classes).

    The first convolution has no padding here, so that all maps are smaller. activation, errors and first weights as
    for LeNet. 44,878 parameters with the defaults.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid"):
        super().__init__()
        check_sizes("BNLeNet", in_channels, num_classes)
        act = activation_layer("BNLeNet", activation)
        self.in_channels = in_channels
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, 6, kernel_size=5),  # (N, C, 28, 28) -> (N, 6, 24, 24)
                norm1=nn.BatchNorm2d(6),
                act1=act(),
                pool1=nn.AvgPool2d(kernel_size=2),  # -> (N, 6, 12, 12)
                conv2=nn.Conv2d(6, 16, kernel_size=5),  # -> (N, 16, 8, 8)
                norm2=nn.BatchNorm2d(16),
                act2=act(),
                pool2=nn.AvgPool2d(kernel_size=2),  # -> (N, 16, 4, 4)
            )
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),  # -> (N, 256)
                fc1=nn.Linear(256, 120),
                norm3=nn.BatchNorm1d(120),
                act3=act(),
                fc2=nn.Linear(120, 84),
                norm4=nn.BatchNorm1d(84),
                act4=act(),
                fc3=nn.Linear(84, num_classes),
            )
        )
        self.apply(xavier_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("BNLeNet", input, self.in_channels, size=(28, 28))
        return self.classifier(self.features(input))


def lenet(in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid") -> LeNet:
    """A LeNet with fresh weights."""
    return LeNet(in_channels, num_classes, activation)


def bn_lenet(in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid") -> BNLeNet:
    """A LeNet with batch normalisation and fresh weights."""
    return BNLeNet(in_channels, num_classes, activation)
