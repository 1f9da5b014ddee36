"""LeNet: the first convolutional network in use. Source: Dive into Deep Learning, section 7.6; LeCun et al., 1998."""

from __future__ import annotations

from collections import OrderedDict

from .. import nn
from ..tensor import Tensor
from .common import check_images, xavier_weights

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}


class LeNet(nn.Module):
    """Two stages of convolution and pooling, then three linear layers: (N, C, 28, 28) -> (N, num_classes).

    activation: "sigmoid" as in the book, "relu" or "tanh"; ValueError for another. Weights start Xavier-uniform, as the
    book trains it; biases as the layers set them. 61,706 parameters with the defaults.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid"):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"LeNet: activation={activation!r}; choose one of {', '.join(ACTIVATIONS)}")
        act = ACTIVATIONS[activation]
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


def lenet(in_channels: int = 1, num_classes: int = 10, activation: str = "sigmoid") -> LeNet:
    """A LeNet with fresh weights."""
    return LeNet(in_channels, num_classes, activation)
