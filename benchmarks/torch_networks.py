"""The book's networks written with PyTorch's own layers, for PyTorch to run at its best: ReLUs write in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def build(model: str, options: Mapping[str, Any]) -> nn.Module:
    """The network that `minitorch_cv.models.build` makes of the same arguments, layers in the same order."""
    return {
        "softmax_regression": lambda: nn.Sequential(nn.Flatten(), nn.Linear(options.get("image_size", 28) ** 2, 10)),
        "lenet": lambda: lenet(options.get("activation", "sigmoid")),
        "alexnet": alexnet,
        "vgg11": lambda: vgg11(options.get("ratio", 1)),
        "nin": nin,
        "googlenet": googlenet,
        "resnet18": resnet18,
        "densenet": densenet,
    }[model]()


def relu() -> nn.Module:
    return nn.ReLU(inplace=True)


def lenet(activation: str) -> nn.Module:
    act = {"sigmoid": nn.Sigmoid, "relu": relu}[activation]
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), act(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)),
    )


def linear_layers(inputs: int) -> list[nn.Module]:
    """The end of AlexNet and VGG, without dropout."""
    return [nn.Flatten(), nn.Linear(inputs, 4096), relu(), nn.Linear(4096, 4096), relu(), nn.Linear(4096, 10)]


def alexnet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 96, 11, stride=4, padding=1), relu(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(96, 256, 5, padding=2), relu(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(256, 384, 3, padding=1), relu(), nn.Conv2d(384, 384, 3, padding=1), relu()),
        *(nn.Conv2d(384, 256, 3, padding=1), relu(), nn.MaxPool2d(3, 2)),
        *linear_layers(256 * 5 * 5),
    )


def vgg11(ratio: int) -> nn.Module:
    layers: list[nn.Module] = []
    inputs = 1
    for convs, channels in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        for _ in range(convs):
            layers += [nn.Conv2d(inputs, channels // ratio, 3, padding=1), relu()]
            inputs = channels // ratio
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, *linear_layers(inputs * 7 * 7))


def nin() -> nn.Module:
    def block(inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
        return [
            *(nn.Conv2d(inputs, outputs, kernel, stride, padding), relu()),
            *(nn.Conv2d(outputs, outputs, 1), relu(), nn.Conv2d(outputs, outputs, 1), relu()),
        ]

    return nn.Sequential(
        *(*block(1, 96, 11, 4, 0), nn.MaxPool2d(3, 2)),
        *(*block(96, 256, 5, 1, 2), nn.MaxPool2d(3, 2)),
        *(*block(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2)),
        *(*block(384, 10, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


class Inception(nn.Module):
    """Four paths side by side."""

    def __init__(self, inputs: int, c1: int, c2: tuple[int, int], c3: tuple[int, int], c4: int):
        super().__init__()
        self.path1 = nn.Sequential(nn.Conv2d(inputs, c1, 1), relu())
        self.path2 = nn.Sequential(nn.Conv2d(inputs, c2[0], 1), relu(), nn.Conv2d(c2[0], c2[1], 3, padding=1), relu())
        self.path3 = nn.Sequential(nn.Conv2d(inputs, c3[0], 1), relu(), nn.Conv2d(c3[0], c3[1], 5, padding=2), relu())
        self.path4 = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), nn.Conv2d(inputs, c4, 1), relu())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.path1(x), self.path2(x), self.path3(x), self.path4(x)), dim=1)


def googlenet() -> nn.Module:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, padding=1)

    return nn.Sequential(
        *(nn.Conv2d(1, 64, 7, stride=2, padding=3), relu(), pool()),
        *(nn.Conv2d(64, 64, 1), relu(), nn.Conv2d(64, 192, 3, padding=1), relu(), pool()),
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        pool(),
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        pool(),
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10)),
    )


def stem() -> list[nn.Module]:
    """The beginning of ResNet and DenseNet."""
    return [nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64), relu(), nn.MaxPool2d(3, 2, padding=1)]


class Residual(nn.Module):
    """relu(F(x) + x), F being two 3x3 convolutions with batch norm."""

    def __init__(self, inputs: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride=stride, padding=1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(inputs, channels, 1, stride=stride) if inputs != channels else None
        self.relu = relu()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.conv3 is None else self.conv3(x)))


def resnet18() -> nn.Module:
    blocks: list[nn.Module] = []
    for inputs, channels in ((64, 64), (64, 128), (128, 256), (256, 512)):
        stride = 1 if inputs == channels else 2
        blocks += [Residual(inputs, channels, stride), Residual(channels, channels, 1)]
    return nn.Sequential(*stem(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class DenseBlock(nn.Module):
    """Four layers, each of which sees the input and what all layers before it found."""

    def __init__(self, inputs: int):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(c), relu(), nn.Conv2d(c, 32, 3, padding=1))
            for c in range(inputs, inputs + 4 * 32, 32)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = torch.cat((x, layer(x)), dim=1)
        return x


def densenet() -> nn.Module:
    layers = stem()
    channels = 64
    for block in range(4):
        if block > 0:
            layers += [nn.BatchNorm2d(channels), relu(), nn.Conv2d(channels, channels // 2, 1), nn.AvgPool2d(2)]
            channels //= 2
        layers.append(DenseBlock(channels))
        channels += 4 * 32
    head = [nn.BatchNorm2d(channels), relu(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*layers, *head)
