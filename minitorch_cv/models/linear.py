"""Softmax regression: one linear layer on the pixels. Source: Dive into Deep Learning, section 4.5."""

from __future__ import annotations

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes


def normal_weights(module: nn.Module) -> None:
    """Weights normal with standard deviation 0.01 and biases 0 for a linear layer: `net.apply(normal_weights)`."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


class SoftmaxRegression(nn.Module):
    """y = x wᵀ + b over the pixels: (N, C, S, S) -> (N, num_classes), S the image_size.

    The softmax itself is part of the loss. Weights start normal with standard deviation 0.01, biases at 0.
    7,850 parameters with the defaults.
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10, image_size: int = 28):
        super().__init__()
        check_sizes("SoftmaxRegression", in_channels, num_classes)
        self.in_channels = in_channels
        self.image_size = image_size
        self.flatten = nn.Flatten()  # (N, C, S, S) -> (N, C S S)
        self.fc = nn.Linear(in_channels * image_size**2, num_classes)
        self.apply(normal_weights)

    def forward(self, input: Tensor) -> Tensor:
        check_images("SoftmaxRegression", input, self.in_channels, size=(self.image_size, self.image_size))
        return self.fc(self.flatten(input))


def softmax_regression(in_channels: int = 1, num_classes: int = 10, image_size: int = 28) -> SoftmaxRegression:
    """A softmax regression with fresh weights."""
    return SoftmaxRegression(in_channels, num_classes, image_size)
