"""SqueezeNet: AlexNet's accuracy with a fiftieth of its weights. Source: Iandola et al., arXiv:1602.07360."""

from __future__ import annotations

from .. import nn
from ..ops.shape import cat
from ..tensor import Tensor
from .common import check_images, check_sizes


class Fire(nn.Module):
    """Squeeze to few channels with 1x1 filters, then expand with 1x1 and with 3x3 filters, joined along the channels.

    (N, C, H, W) -> (N, squeeze, H, W) -> (N, 2 expand, H, W)
    """

    def __init__(self, in_channels: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, kernel_size=1)
        self.squeeze_activation = nn.ReLU()
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand1x1_activation = nn.ReLU()
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU()

    def forward(self, input: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(input))
        return cat([self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """Fire modules with three pools between them; the mean of the last convolution's map for a class is its logit.

    (N, in_channels, H, W) -> (N, num_classes). version: "1_0" is the paper's, for images of at least 21x21 pixels;
    "1_1", by the same authors, pools earlier and takes 2.4 times less work, for images of at least 17x17.
    relu_last: the ReLU after the last convolution, as in the paper.
    """

    def __init__(self, in_channels: int, num_classes: int, version: str, dropout: float, relu_last: bool):
        super().__init__()
        check_sizes("SqueezeNet", in_channels, num_classes)
        if version not in VERSIONS:
            raise ValueError(f"SqueezeNet: version={version!r}; choose one of {', '.join(map(repr, VERSIONS))}")
        features, self.least = VERSIONS[version]
        self.in_channels = in_channels
        self.features = features(in_channels)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Conv2d(512, num_classes, kernel_size=1),
            nn.ReLU() if relu_last else nn.Identity(),
            nn.AdaptiveAvgPool2d(1),  # -> (N, num_classes, 1, 1)
        )
        self.flatten = nn.Flatten()

    def forward(self, input: Tensor) -> Tensor:
        check_images("SqueezeNet", input, self.in_channels, least=self.least)
        return self.flatten(self.classifier(self.features(input)))


def pool() -> nn.MaxPool2d:
    """The pool between the stages, which rounds the size up."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def features_1_0(in_channels: int) -> nn.Sequential:
    """The paper's stages; the shapes are for 96x96."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 96, kernel_size=7, stride=2),  # -> (N, 96, 45, 45)
        nn.ReLU(),
        pool(),  # -> (N, 96, 22, 22)
        Fire(96, 16, 64),
        Fire(128, 16, 64),
        Fire(128, 32, 128),
        pool(),  # -> (N, 256, 11, 11)
        Fire(256, 32, 128),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        pool(),  # -> (N, 512, 5, 5)
        Fire(512, 64, 256),
    )


def features_1_1(in_channels: int) -> nn.Sequential:
    """A smaller first filter, and all pools early; the shapes are for 96x96."""
    return nn.Sequential(
        nn.Conv2d(in_channels, 64, kernel_size=3, stride=2),  # -> (N, 64, 47, 47)
        nn.ReLU(),
        pool(),  # -> (N, 64, 23, 23)
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        pool(),  # -> (N, 128, 11, 11)
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        pool(),  # -> (N, 256, 5, 5)
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),  # -> (N, 512, 5, 5)
    )


# The stages of each version, and the smallest side of an image that its pools leave a pixel of.
VERSIONS = {"1_0": (features_1_0, 21), "1_1": (features_1_1, 17)}


def with_first_weights(net: SqueezeNet) -> SqueezeNet:
    """He-uniform filters, small normal ones in the last convolution, no biases.

    Xavier-uniform filters, which the book draws, would stall this network: without batch norm, each expansion to four
    times as many channels would leave a fifth of the variance.
    """
    last = net.classifier[1]
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            if module is last:
                nn.init.normal_(module.weight, std=0.01)
            else:
                nn.init.kaiming_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return net


def squeezenet(in_channels: int = 1, num_classes: int = 10, version: str = "1_1", dropout: float = 0.5) -> SqueezeNet:
    """A SqueezeNet with fresh weights: version 1.1, the lighter one, unless asked otherwise.

    It has no ReLU after the last convolution: on small images a class whose map starts below 0 in every pixel would
    get no gradient through it, and never be learned.
    """
    return with_first_weights(SqueezeNet(in_channels, num_classes, version, dropout, relu_last=False))
