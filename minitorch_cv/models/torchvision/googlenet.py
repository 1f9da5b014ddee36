"""GoogLeNet in torchvision's form: batch norm, pools that round up, and two auxiliary classifiers.

Source: Szegedy et al., "Going Deeper with Convolutions", 2015; Ioffe and Szegedy, 2015.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import nn
from ...ops.shape import cat
from ...tensor import Tensor
from ..common import check_images, check_sizes
from ..googlenet import WIDTHS, Inception, conv_block

# What takes an image normalised for torchvision's networks to one normalised by mean 0.5 and deviation 0.5.
CHANNEL_MEANS = (0.485, 0.456, 0.406)
CHANNEL_DEVIATIONS = (0.229, 0.224, 0.225)


class GoogLeNetOutputs(NamedTuple):
    """The logits (N, num_classes) of the network in training, and of its auxiliary classifiers."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with this network's ε."""
    return nn.BatchNorm2d(channels, eps=1e-3)


def inception(block: str) -> Inception:
    """The Inception block of this name, with 3x3 where the paper has 5x5."""
    return Inception(*WIDTHS[block], norm=norm, kernel3=3)


class InceptionAux(nn.Module):
    """An auxiliary classifier on a map inside the network, which hands gradients to the early layers."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = conv_block(in_channels, 128, kernel_size=1, norm=norm)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(2048, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        x = self.flatten(self.conv(self.avgpool(input)))  # (N, C, H, W) -> (N, 128, 4, 4) -> (N, 2048)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


class GoogLeNet(nn.Module):
    """(N, in_channels, H, W) -> (N, num_classes), for images of at least 15x15 pixels.

    The shapes below are for 224x224. In training with auxiliary classifiers, the output is a `GoogLeNetOutputs`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        aux_logits: bool,
        transform_input: bool,
        dropout: float,
        dropout_aux: float,
    ):
        super().__init__()
        check_sizes("GoogLeNet", in_channels, num_classes)
        if transform_input and in_channels != 3:
            raise ValueError(f"GoogLeNet: transform_input is for images of 3 channels, not in_channels={in_channels}")
        self.in_channels = in_channels
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = conv_block(in_channels, 64, kernel_size=7, stride=2, padding=3, norm=norm)  # -> (N, 64, 112, 112)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  # -> (N, 64, 56, 56)
        self.conv2 = conv_block(64, 64, kernel_size=1, norm=norm)
        self.conv3 = conv_block(64, 192, kernel_size=3, padding=1, norm=norm)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  # -> (N, 192, 28, 28)
        self.inception3a = inception("3a")
        self.inception3b = inception("3b")
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  # -> (N, 480, 14, 14)
        self.inception4a = inception("4a")  # -> (N, 512, 14, 14)
        self.inception4b = inception("4b")
        self.inception4c = inception("4c")
        self.inception4d = inception("4d")  # -> (N, 528, 14, 14)
        self.inception4e = inception("4e")
        self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)  # -> (N, 832, 7, 7)
        self.inception5a = inception("5a")
        self.inception5b = inception("5b")  # -> (N, 1024, 7, 7)
        if aux_logits:
            self.aux1 = InceptionAux(512, num_classes, dropout_aux)
            self.aux2 = InceptionAux(528, num_classes, dropout_aux)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()  # -> (N, 1024)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        self.apply(first_weights)

    def forward(self, input: Tensor) -> Any:
        check_images("GoogLeNet", input, self.in_channels, least=15)
        x = normalised_by_half(input) if self.transform_input else input
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        after_4a = self.inception4a(x)
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))
        x = self.maxpool4(self.inception4e(after_4d))
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(self.flatten(self.avgpool(x))))
        if not (self.training and self.aux_logits):
            return logits
        return GoogLeNetOutputs(logits, aux_logits2=self.aux2(after_4d), aux_logits1=self.aux1(after_4a))


def normalised_by_half(x: Tensor) -> Tensor:
    """Images normalised by the mean and deviation of each channel in ImageNet, as if normalised by 0.5 and 0.5."""
    channels = [
        x[:, i : i + 1] * (deviation / 0.5) + (mean - 0.5) / 0.5
        for i, (mean, deviation) in enumerate(zip(CHANNEL_MEANS, CHANNEL_DEVIATIONS))
    ]
    return cat(channels, dim=1)


def first_weights(module: nn.Module) -> None:
    """Normal weights with standard deviation 0.01 for a convolution or linear layer."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.01)


def googlenet(
    num_classes: int = 1000,
    in_channels: int = 3,
    aux_logits: bool = True,
    transform_input: bool = False,
    dropout: float = 0.2,
    dropout_aux: float = 0.7,
) -> GoogLeNet:
    """A GoogLeNet with fresh weights; with torchvision's published ones use transform_input=True, as it does."""
    return GoogLeNet(num_classes, in_channels, aux_logits, transform_input, dropout, dropout_aux)
