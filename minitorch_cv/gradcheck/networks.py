"""Gradient checks of whole networks, from the images to the loss.

Deep networks are built with few channels, and all without chance: what is checked is how the layers are joined, which
the number of channels does not change, and the layers themselves have cases of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ..models import bn_lenet, lenet
from ..models.alexnet import AlexNet
from ..models.cbam import cbam
from ..models.densenet import DENSENET121, DENSENET169, DENSENET201, DenseNet, bottleneck_block
from ..models.efficientnet import efficientnet_b0
from ..models.googlenet import googlenet, googlenet_bn
from ..models.linear import softmax_regression
from ..models.mlp import mlp
from ..models.mobilenet import mobilenet_v1, mobilenet_v2
from ..models.nin import nin
from ..models.preact_resnet import PreActBottleneck, PreActResidual
from ..models.resnet import Bottleneck, Residual, ResNet
from ..models.resnext import resnext_block
from ..models.se_resnet import squeeze_excitation
from ..models.shufflenet import shufflenet_v2
from ..models.squeezenet import squeezenet
from ..models.vgg import VGG
from ..models.zfnet import ZFNet
from ..nn import Dropout, Module, StochasticDepth
from ..nn import functional as F
from ..random import default_generator
from ..tensor import Tensor
from .case import Case, Setup, on_both_implementations

# Up to five hundred layers round on the way to the loss, and batch norm divides by deviations below 1: differences
# carry some hundred times the noise of a single operation. A wrong joint of layers is wrong in the first digit.
ATOL, RTOL = 1e-7, 1e-5

Build = Callable[[], Module]
Shape = tuple[int, int, int, int]


class Reduced(NamedTuple):
    """A network with few channels, the shape of its images, and how many elements of each parameter are checked."""

    name: str
    label: str
    build: Build
    shape: Shape
    sample: int


def case_of(network: Reduced) -> Case:
    """A network with its loss on random images: `sample` elements of the images and of every parameter."""
    name, label, build, shape, sample = network

    def setup(rng: np.random.Generator) -> Setup:
        net = without_chance(seeded(build).double())
        images = Tensor(rng.uniform(size=shape), requires_grad=True)
        labels = Tensor(rng.integers(0, 10, shape[0]))
        names, parameters = zip(*net.named_parameters())
        return Setup(
            lambda x, *_: F.cross_entropy(net(x), labels.to(x.device), reduction="sum"),
            [images, *parameters],
            ["x", *names],
        )

    return Case(name, label, setup, sample, atol=ATOL, rtol=RTOL)


def seeded(build: Build) -> Module:
    """The same network each time; the state of the default random generator stays as it was."""
    state = default_generator.get_state()
    try:
        default_generator.manual_seed(0)
        return build()
    finally:
        default_generator.set_state(state)


def without_chance(net: Module) -> Module:
    """The network in training mode, in which nothing is dropped at random."""
    for module in net.modules():
        if isinstance(module, (Dropout, StochasticDepth)):
            module.p = 0.0
    return net


def thin_resnet(block: Callable[..., Module], *depths: int, norm_last: bool = False) -> Build:
    """A ResNet with an eighth of the usual channels."""
    return lambda: ResNet(block, depths, (8, 16, 32, 64), norm_last=norm_last)


def thin_bottlenecks(block: Callable[..., Module], *depths: int, norm_last: bool = False) -> Build:
    """A ResNet of bottlenecks with a sixteenth of the usual channels."""
    return lambda: ResNet(block, depths, (16, 32, 64, 128), norm_last=norm_last)


def thin_densenet(*block_config: int) -> Build:
    """A DenseNet with an eighth of the usual channels."""
    return lambda: DenseNet(4, block_config, 8, bottleneck_block, bias=False)


original = partial(Residual, bias=False, shortcut_norm=True)
original_bottleneck = partial(Bottleneck, bias=False, shortcut_norm=True)

QUICK = [
    Reduced("LeNet", "sigmoid", partial(lenet, activation="sigmoid"), (2, 1, 28, 28), sample=10),
    Reduced("LeNet", "relu", partial(lenet, activation="relu"), (2, 1, 28, 28), sample=10),
]

# What minutes are needed for; everything else belongs to the table that `minitorch-cv gradcheck` shows by default.
LARGE = [
    Reduced("softmax regression", "", softmax_regression, (3, 1, 28, 28), sample=20),
    Reduced("MLP", "", partial(mlp, hidden=(32, 16)), (3, 1, 28, 28), sample=20),
    Reduced("BN-LeNet", "", bn_lenet, (4, 1, 28, 28), sample=3),
    Reduced("AlexNet", "book", partial(AlexNet, image_size=79, hidden=64), (2, 1, 79, 79), sample=2),
    Reduced(
        "AlexNet",
        "paper",
        partial(AlexNet, in_channels=3, image_size=79, padding=2, local_response_norm=True, hidden=64),
        (1, 3, 79, 79),
        sample=2,
    ),
    Reduced("ZFNet", "", partial(ZFNet, image_size=79, hidden=64), (1, 1, 79, 79), sample=2),
    *(
        Reduced(f"VGG-{depth}", "channels/8", partial(VGG, depth, ratio=8, image_size=32, hidden=64), (2, 1, 32, 32), 2)
        for depth in (11, 13, 16, 19)
    ),
    Reduced("NiN", "", nin, (1, 1, 96, 96), sample=1),
    Reduced("GoogLeNet", "channels/8", partial(googlenet, ratio=8), (2, 1, 48, 48), sample=1),
    Reduced("GoogLeNet", "channels/8, batch norm", partial(googlenet_bn, ratio=8), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-18", "channels/8", thin_resnet(Residual, 2, 2, 2, 2), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-34", "channels/8", thin_resnet(Residual, 3, 4, 6, 3), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-50", "channels/16", thin_bottlenecks(Bottleneck, 3, 4, 6, 3), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-101", "channels/16", thin_bottlenecks(Bottleneck, 3, 4, 23, 3), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-152", "channels/16", thin_bottlenecks(Bottleneck, 3, 8, 36, 3), (2, 1, 48, 48), sample=1),
    Reduced("ResNet-18 v2", "channels/8", thin_resnet(PreActResidual, 2, 2, 2, 2, norm_last=True), (2, 1, 48, 48), 1),
    Reduced("ResNet-34 v2", "channels/8", thin_resnet(PreActResidual, 3, 4, 6, 3, norm_last=True), (2, 1, 48, 48), 1),
    Reduced(
        "ResNet-50 v2", "channels/16", thin_bottlenecks(PreActBottleneck, 3, 4, 6, 3, norm_last=True), (2, 1, 48, 48), 1
    ),
    Reduced(
        "ResNeXt-50",
        "channels/16, 4 groups",
        thin_bottlenecks(partial(resnext_block, groups=4), 3, 4, 6, 3),
        (2, 1, 48, 48),
        sample=1,
    ),
    Reduced(
        "SE-ResNet-18",
        "channels/8",
        thin_resnet(partial(original, attention=squeeze_excitation(4)), 2, 2, 2, 2),
        (2, 1, 48, 48),
        sample=1,
    ),
    Reduced(
        "SE-ResNet-50",
        "channels/16",
        thin_bottlenecks(partial(original_bottleneck, attention=squeeze_excitation(4)), 3, 4, 6, 3),
        (2, 1, 48, 48),
        sample=1,
    ),
    Reduced(
        "CBAM-ResNet-18",
        "channels/8",
        thin_resnet(partial(original, attention=cbam(4)), 2, 2, 2, 2),
        (2, 1, 48, 48),
        sample=1,
    ),
    Reduced(
        "CBAM-ResNet-50",
        "channels/16",
        thin_bottlenecks(partial(original_bottleneck, attention=cbam(4)), 3, 4, 6, 3),
        (2, 1, 48, 48),
        sample=1,
    ),
    Reduced("DenseNet", "growth 8", partial(DenseNet, growth_rate=8, num_init_features=16), (2, 1, 48, 48), sample=1),
    Reduced("DenseNet-121", "channels/8", thin_densenet(*DENSENET121), (2, 1, 48, 48), sample=1),
    Reduced("DenseNet-169", "channels/8", thin_densenet(*DENSENET169), (2, 1, 48, 48), sample=1),
    Reduced("DenseNet-201", "channels/8", thin_densenet(*DENSENET201), (2, 1, 48, 48), sample=1),
    Reduced("SqueezeNet", "1.0", partial(squeezenet, version="1_0"), (1, 1, 48, 48), sample=1),
    Reduced("SqueezeNet", "1.1", partial(squeezenet, version="1_1"), (1, 1, 48, 48), sample=1),
    Reduced("MobileNet v1", "width 0.25", partial(mobilenet_v1, width_mult=0.25), (2, 1, 48, 48), sample=1),
    Reduced("MobileNet v2", "width 0.25", partial(mobilenet_v2, width_mult=0.25), (2, 1, 48, 48), sample=1),
    Reduced("ShuffleNet v2", "width 0.5", partial(shufflenet_v2, width_mult=0.5), (2, 1, 48, 48), sample=1),
    Reduced("EfficientNet-B0", "", efficientnet_b0, (2, 1, 48, 48), sample=1),
]

REDUCED = [*QUICK, *LARGE]
SMALL = [case_of(network) for network in QUICK]
NETWORKS = [case_of(network) for network in LARGE]
CASES = on_both_implementations(SMALL)
