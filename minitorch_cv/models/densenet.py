"""DenseNet: each layer sees what all layers before it found.

Source: Dive into Deep Learning, section 8.7; Huang et al., arXiv:1608.06993.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from .. import nn
from ..ops import cat
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights

DenseLayer = Callable[[int, int], nn.Module]  # (input_channels, num_channels)

DENSENET121 = (6, 12, 24, 16)  # the layers of each block
DENSENET161 = (6, 12, 36, 24)
DENSENET169 = (6, 12, 32, 32)
DENSENET201 = (6, 12, 48, 32)


def conv_block(input_channels: int, num_channels: int) -> nn.Sequential:
    """Batch norm, ReLU, 3x3 convolution: (N, input_channels, H, W) -> (N, num_channels, H, W)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(input_channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1),
        )
    )


def bottleneck_block(input_channels: int, num_channels: int, bn_size: int = 4, drop_rate: float = 0.0) -> nn.Sequential:
    """conv_block after a 1x1 convolution to num_channels · bn_size channels, which is cheaper where there are many.

    (N, input_channels, H, W) -> (N, num_channels, H, W). drop_rate: dropout at the end.
    """
    width = num_channels * bn_size
    layers = OrderedDict[str, nn.Module](
        norm1=nn.BatchNorm2d(input_channels),
        relu1=nn.ReLU(),
        conv1=nn.Conv2d(input_channels, width, kernel_size=1, bias=False),
        norm2=nn.BatchNorm2d(width),
        relu2=nn.ReLU(),
        conv2=nn.Conv2d(width, num_channels, kernel_size=3, padding=1, bias=False),
    )
    if drop_rate:
        layers["dropout"] = nn.Dropout(drop_rate)
    return nn.Sequential(layers)


class DenseBlock(nn.Sequential):
    """x, and beside it what each of num_convs layers makes of all channels so far.

    (N, C, H, W) -> (N, C + num_convs · num_channels, H, W). layer: builds one from its input and output channels.
    """

    def __init__(self, num_convs: int, input_channels: int, num_channels: int, layer: DenseLayer = conv_block):
        layers = OrderedDict()
        for i in range(num_convs):
            layers[f"denselayer{i + 1}"] = layer(input_channels + i * num_channels, num_channels)
        super().__init__(layers)

    def forward(self, input: Tensor) -> Tensor:
        for layer in self:
            input = cat([input, layer(input)], dim=1)
        return input


def transition_block(input_channels: int, num_channels: int, bias: bool = True) -> nn.Sequential:
    """Fewer channels, a map of half the size: (N, input_channels, H, W) -> (N, num_channels, H/2, W/2)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(input_channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(input_channels, num_channels, kernel_size=1, bias=bias),
            pool=nn.AvgPool2d(kernel_size=2, stride=2),
        )
    )


class DenseNet(nn.Module):
    """ResNet's stem, dense blocks with transitions between them, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes), for images of at least 29x29 pixels. growth_rate: the channels that
    each layer adds. block_config: the layers of each block. num_init_features: the channels after the stem.
    layer: builds a layer, see `DenseBlock`. bias: of the stem's and the transitions' convolutions.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (4, 4, 4, 4),
        num_init_features: int = 64,
        layer: DenseLayer = conv_block,
        bias: bool = True,
        in_channels: int = 1,
        num_classes: int = 10,
    ):
        check_sizes("DenseNet", in_channels, num_classes)
        super().__init__()
        self.in_channels = in_channels
        C = num_init_features
        features = OrderedDict[str, nn.Module](
            conv0=nn.Conv2d(in_channels, C, kernel_size=7, stride=2, padding=3, bias=bias),  # -> (N, C, H/2, W/2)
            norm0=nn.BatchNorm2d(C),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, C, H/4, W/4)
        )
        for i, num_convs in enumerate(block_config):
            if i > 0:
                features[f"transition{i}"] = transition_block(C, C // 2, bias)  # -> (N, C/2, H/2, W/2)
                C //= 2
            features[f"denseblock{i + 1}"] = DenseBlock(num_convs, C, growth_rate, layer)
            C += num_convs * growth_rate
        features["norm5"] = nn.BatchNorm2d(C)
        self.features = nn.Sequential(features)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (N, C, H/32, W/32) -> (N, C, 1, 1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(C, num_classes)

    def forward(self, input: Tensor) -> Tensor:
        check_images("DenseNet", input, self.in_channels, least=29)
        x = self.relu(self.features(input))
        return self.classifier(self.flatten(self.avgpool(x)))


def densenet(in_channels: int = 1, num_classes: int = 10) -> DenseNet:
    """The book's DenseNet with fresh weights: four blocks of four 3x3 convolutions. It trains on 96x96 pixels."""
    net = DenseNet(in_channels=in_channels, num_classes=num_classes)
    net.apply(xavier_weights)
    return net


def densenet121(in_channels: int = 1, num_classes: int = 10, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-121 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET121, in_channels, num_classes, drop_rate)
    net.apply(xavier_weights)
    return net


def densenet169(in_channels: int = 1, num_classes: int = 10, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-169 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET169, in_channels, num_classes, drop_rate)
    net.apply(xavier_weights)
    return net


def densenet201(in_channels: int = 1, num_classes: int = 10, drop_rate: float = 0.0) -> DenseNet:
    """DenseNet-201 with fresh weights. drop_rate: dropout after each layer."""
    net = bottleneck_densenet(DENSENET201, in_channels, num_classes, drop_rate)
    net.apply(xavier_weights)
    return net


def bottleneck_densenet(
    block_config: Sequence[int],
    in_channels: int,
    num_classes: int,
    drop_rate: float,
    growth_rate: int = 32,
    num_init_features: int = 64,
) -> DenseNet:
    """The paper's DenseNet-BC: bottleneck layers, convolutions without biases."""
    layer = partial(bottleneck_block, drop_rate=drop_rate)
    return DenseNet(growth_rate, block_config, num_init_features, layer, False, in_channels, num_classes)
