"""ResNet: blocks that learn what to add to their input.

Source: Dive into Deep Learning, section 8.6; He et al., arXiv:1512.03385.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count

from .. import nn
from ..tensor import Tensor
from .common import check_images, check_sizes, xavier_weights

Block = Callable[..., nn.Module]  # (in_channels, out_channels, stride=1, stochastic_depth=0.0)
Attention = Callable[[int], nn.Module]  # (channels)

NARROW = (64, 128, 256, 512)  # channels after each stage of Residual blocks
WIDE = (256, 512, 1024, 2048)  # and of Bottleneck blocks


class Residual(nn.Module):
    """y = relu(F(x) + x), where F is two 3x3 convolutions, each with batch norm.

    (N, in_channels, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉). As in the book, the convolutions have biases and a 1x1
    convolution fits x where channels or stride change it; bias=False and shortcut_norm=True make the original's block.
    attention: builds a module for out_channels that F goes through; stochastic_depth: the probability that a picture
    in training gets no F.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        bias: bool = True,
        shortcut_norm: bool = False,
        attention: Attention | None = None,
        stochastic_depth: float = 0.0,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=bias)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = shortcut(in_channels, out_channels, stride, bias, shortcut_norm)
        self.attention = attention(out_channels) if attention else None
        self.stochastic_depth = nn.StochasticDepth(stochastic_depth, "row") if stochastic_depth else None
        self.relu2 = nn.ReLU()

    def forward(self, input: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(input)))
        out = self.bn2(self.conv2(out))
        out = through(out, self.attention, self.stochastic_depth)
        return self.relu2(out + through(input, self.downsample))


class Bottleneck(nn.Module):
    """y = relu(F(x) + x), where F is a 3x3 convolution between two 1x1 that lead into fewer channels and out again.

    (N, in_channels, H, W) -> (N, out_channels, ⌈H/s⌉, ⌈W/s⌉), with out_channels · bot_mul channels in the middle, in
    `groups` that know nothing of each other. The stride is the 3x3 convolution's, as in the book and torchvision; the
    paper gives it to the first. The other options are those of `Residual`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        bot_mul: float = 0.25,
        groups: int = 1,
        bias: bool = True,
        shortcut_norm: bool = False,
        attention: Attention | None = None,
        stochastic_depth: float = 0.0,
    ):
        super().__init__()
        width = round(out_channels * bot_mul)
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, groups=groups, bias=bias)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, out_channels, kernel_size=1, bias=bias)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = shortcut(in_channels, out_channels, stride, bias, shortcut_norm)
        self.attention = attention(out_channels) if attention else None
        self.stochastic_depth = nn.StochasticDepth(stochastic_depth, "row") if stochastic_depth else None
        self.relu3 = nn.ReLU()

    def forward(self, input: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(input)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out = through(out, self.attention, self.stochastic_depth)
        return self.relu3(out + through(input, self.downsample))


def shortcut(in_channels: int, out_channels: int, stride: int, bias: bool, norm: bool) -> nn.Module | None:
    """A 1x1 convolution that gives x the shape of F(x), with or without batch norm; None where it has it already."""
    if in_channels == out_channels and stride == 1:
        return None
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels)) if norm else conv


def through(x: Tensor, *modules: nn.Module | None) -> Tensor:
    """x through one module after the other; None stands for one that a block does without."""
    for module in modules:
        if module is not None:
            x = module(x)
    return x


class ResNet(nn.Sequential):
    """A stem, four stages of blocks that halve the map from the second on, the mean over all pixels, one linear layer.

    (N, in_channels, H, W) -> (N, num_classes); the map is 32 times smaller than the image. depths and channels: the
    blocks of each stage, and the channels after it. bias: of the first convolution. norm_last: batch norm and ReLU
    before the mean, for blocks that end without. stochastic_depth: the probability of skipping the last block; it
    grows linearly from the first (arXiv:1603.09382). ValueError where it is no probability.
    """

    def __init__(
        self,
        block: Block,
        depths: Sequence[int],
        channels: Sequence[int],
        in_channels: int = 1,
        num_classes: int = 10,
        bias: bool = True,
        norm_last: bool = False,
        stochastic_depth: float = 0.0,
    ):
        check_sizes("ResNet", in_channels, num_classes)
        c1, c2, c3, c4 = channels
        drops = drop_probabilities(depths, stochastic_depth)
        body = OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=bias),  # -> (N, 64, H/2, W/2)
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # -> (N, 64, H/4, W/4)
            layer1=stage(block, 64, c1, 1, drops[0]),  # -> (N, c1, H/4, W/4)
            layer2=stage(block, c1, c2, 2, drops[1]),  # -> (N, c2, H/8, W/8)
            layer3=stage(block, c2, c3, 2, drops[2]),  # -> (N, c3, H/16, W/16)
            layer4=stage(block, c3, c4, 2, drops[3]),  # -> (N, c4, H/32, W/32)
        )
        if norm_last:
            body |= OrderedDict(bn_last=nn.BatchNorm2d(c4), relu_last=nn.ReLU())
        head = OrderedDict(
            avgpool=nn.AdaptiveAvgPool2d(1),  # -> (N, c4, 1, 1)
            flatten=nn.Flatten(),  # -> (N, c4)
            fc=nn.Linear(c4, num_classes),
        )
        super().__init__(body | head)
        self.in_channels = in_channels

    def forward(self, input: Tensor) -> Tensor:
        check_images("ResNet", input, self.in_channels, least=1)
        return super().forward(input)


def stage(block: Block, in_channels: int, out_channels: int, stride: int, drops: Sequence[float]) -> nn.Sequential:
    """A block for each of `drops`, its probability of being skipped; the first changes channels and map."""
    first, *others = drops
    return nn.Sequential(
        block(in_channels, out_channels, stride, stochastic_depth=first),
        *(block(out_channels, out_channels, stochastic_depth=p) for p in others),
    )


def drop_probabilities(depths: Sequence[int], last: float) -> list[list[float]]:
    """last · l / L for the blocks l = 1 to L, stage by stage. ValueError where `last` is no probability."""
    if not 0 <= last <= 1:
        raise ValueError(f"ResNet: stochastic_depth={last} is no probability; choose a number from 0 to 1")
    block = count(1)
    return [[last * next(block) / sum(depths) for _ in range(depth)] for depth in depths]


def resnet18(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-18 with fresh weights: 8 residual blocks. The book trains it on images of 96x96 pixels."""
    return resnet(Residual, (2, 2, 2, 2), NARROW, in_channels, num_classes, stochastic_depth)


def resnet34(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-34 with fresh weights: 16 residual blocks."""
    return resnet(Residual, (3, 4, 6, 3), NARROW, in_channels, num_classes, stochastic_depth)


def resnet50(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-50 with fresh weights: 16 bottlenecks."""
    return resnet(Bottleneck, (3, 4, 6, 3), WIDE, in_channels, num_classes, stochastic_depth)


def resnet101(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-101 with fresh weights: 33 bottlenecks."""
    return resnet(Bottleneck, (3, 4, 23, 3), WIDE, in_channels, num_classes, stochastic_depth)


def resnet152(in_channels: int = 1, num_classes: int = 10, stochastic_depth: float = 0.0) -> ResNet:
    """ResNet-152 with fresh weights: 50 bottlenecks."""
    return resnet(Bottleneck, (3, 8, 36, 3), WIDE, in_channels, num_classes, stochastic_depth)


def resnet(
    block: Block,
    depths: Sequence[int],
    channels: Sequence[int],
    in_channels: int,
    num_classes: int,
    stochastic_depth: float,
    bias: bool = True,
    norm_last: bool = False,
) -> ResNet:
    """A ResNet with the weights that the book starts from."""
    net = ResNet(block, depths, channels, in_channels, num_classes, bias, norm_last, stochastic_depth)
    net.apply(xavier_weights)
    return net
