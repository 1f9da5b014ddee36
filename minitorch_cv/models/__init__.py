"""The networks of Dive into Deep Learning: each is a function that returns one with fresh weights."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..nn import Module
from . import torchvision
from .alexnet import AlexNet, alexnet, alexnet_paper
from .cbam import cbam_resnet18, cbam_resnet50
from .densenet import DenseNet, densenet, densenet121, densenet169, densenet201
from .efficientnet import EfficientNet, efficientnet_b0
from .googlenet import GoogLeNet, googlenet, googlenet_bn
from .lenet import BNLeNet, LeNet, bn_lenet, lenet
from .linear import SoftmaxRegression, softmax_regression
from .mlp import MLP, mlp
from .mobilenet import MobileNetV1, MobileNetV2, mobilenet_v1, mobilenet_v2
from .nin import NiN, nin
from .preact_resnet import preact_resnet18, preact_resnet34, preact_resnet50
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from .resnext import resnext50
from .se_resnet import se_resnet18, se_resnet50
from .shufflenet import ShuffleNetV2, shufflenet_v2
from .squeezenet import SqueezeNet, squeezenet
from .vgg import VGG, vgg11, vgg13, vgg16, vgg19
from .zfnet import ZFNet, zfnet

BOOK: dict[str, Callable[..., Module]] = {
    function.__name__: function
    for function in (
        *(softmax_regression, mlp, lenet, bn_lenet, alexnet, alexnet_paper, zfnet),
        *(vgg11, vgg13, vgg16, vgg19, nin, googlenet, googlenet_bn),
        *(resnet18, resnet34, resnet50, resnet101, resnet152),
        *(preact_resnet18, preact_resnet34, preact_resnet50, resnext50),
        *(se_resnet18, se_resnet50, cbam_resnet18, cbam_resnet50),
        *(densenet, densenet121, densenet169, densenet201),
        *(squeezenet, mobilenet_v1, mobilenet_v2, shufflenet_v2, efficientnet_b0),
    )
}
MODELS = BOOK | {f"torchvision.{name}": getattr(torchvision, name) for name in torchvision.__all__}


def find(name: str) -> Callable[..., Module]:
    """The function that builds the model of this name, `torchvision.resnet50` being torchvision's form.

    ValueError for an unknown name.
    """
    if name not in MODELS:
        choices = f"{', '.join(BOOK)}, or torchvision.NAME for torchvision's forms"
        raise ValueError(f"unknown model {name!r}; choose one of: {choices}{did_you_mean(name, MODELS)}")
    return MODELS[name]


def build(name: str, options: Mapping[str, Any] | None = None) -> Module:
    """The model of this name, built with these options: `build("lenet", {"activation": "relu"})`.

    ValueError for an unknown model, or an option that it does not take.
    """
    function, options = find(name), options or {}
    known = inspect.signature(function).parameters
    for option in options:
        if option not in known:
            raise ValueError(
                f"{name} has no option {option!r}; choose among: {', '.join(known)}{did_you_mean(option, known)}"
            )
    return function(**options)


def did_you_mean(word: str, words: Mapping[str, Any]) -> str:
    """A hint at the word that was probably meant, if one is close."""
    close = difflib.get_close_matches(word, words, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
