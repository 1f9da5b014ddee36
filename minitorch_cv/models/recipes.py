"""How each network is trained: the book's settings where it has some, settings of our own for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

BOOK = "from the book"
OURS = "our own choice"
IMAGES = 60_000  # training images of Fashion-MNIST, for which the recipes are


@dataclass(frozen=True)
class Recipe:
    """Settings for training a network on Fashion-MNIST from scratch.

    resize: the side to which the images are brought; options: what the function that builds the network is given.
    source: where the settings come from, BOOK (Dive into Deep Learning, chapters 4, 5, 7 and 8) or OURS.
    plateau: how many images, counted as often as they are seen, go by before the loss falls below ln K, where it begins
    (`python -m benchmarks.plateaus`); few: the settings that differ when there are far fewer than 60,000 images.
    """

    lr: float
    batch_size: int
    resize: int
    epochs: int = 10
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: str = "none"
    options: Mapping[str, Any] = field(default_factory=dict)
    source: str = BOOK
    plateau: int = 3_000
    few: Mapping[str, Any] = field(default_factory=dict)

    def for_few(self, images: int) -> Mapping[str, Any]:
        """What differs for a part of Fashion-MNIST; if nothing is known, epochs for as many steps as with all of it."""
        return self.few or {"epochs": self.epochs * ceil(IMAGES / images)}


QUARTER = {"ratio": 4}  # a quarter of the channels, as the book trains VGG


def often(epochs: int) -> dict[str, Any]:
    """Many passes in small batches, the last tenth of them at a tenth of the rate, so that no late step spoils it."""
    last = epochs - epochs // 10
    return {"epochs": epochs, "batch_size": 64, "schedule": "multistep", "gamma": 0.1, "milestones": [last]}


FROM_THE_BOOK = {
    "softmax_regression": Recipe(0.1, 256, 28),
    "mlp": Recipe(0.1, 256, 28, plateau=8_000),
    "lenet": Recipe(0.9, 256, 28, options={"activation": "sigmoid"}, plateau=80_000, few=often(50)),
    "bn_lenet": Recipe(1.0, 256, 28),
    "alexnet": Recipe(0.01, 128, 224, plateau=20_000),
    "vgg11": Recipe(0.05, 128, 224, options=QUARTER, plateau=12_000),
    "nin": Recipe(0.1, 128, 224, plateau=160_000),  # at least
    "googlenet": Recipe(0.1, 128, 96, plateau=25_000),
    "resnet18": Recipe(0.05, 256, 96),
    "densenet": Recipe(0.1, 256, 96),
}
OF_OUR_OWN = {
    "alexnet_paper": Recipe(0.01, 128, 224, momentum=0.9, weight_decay=5e-4),
    "zfnet": Recipe(0.01, 128, 224, momentum=0.9, weight_decay=5e-4),
    "vgg13": Recipe(0.05, 128, 224, options=QUARTER),
    "vgg16": Recipe(0.01, 128, 224, momentum=0.9, options=QUARTER),
    "vgg19": Recipe(0.01, 128, 224, momentum=0.9, options=QUARTER),
    "googlenet_bn": Recipe(0.1, 128, 96),
    "resnet34": Recipe(0.05, 256, 96),
    "resnet50": Recipe(0.01, 128, 96),
    "resnet101": Recipe(0.01, 128, 96),
    "resnet152": Recipe(0.01, 128, 96),
    "preact_resnet18": Recipe(0.05, 256, 96),
    "preact_resnet34": Recipe(0.05, 256, 96),
    "preact_resnet50": Recipe(0.01, 128, 96),
    "resnext50": Recipe(0.01, 128, 96),
    "se_resnet18": Recipe(0.05, 256, 96),
    "se_resnet50": Recipe(0.05, 128, 96),
    "cbam_resnet18": Recipe(0.05, 256, 96),
    "cbam_resnet50": Recipe(0.05, 128, 96),
    "densenet121": Recipe(0.1, 128, 96),
    "densenet169": Recipe(0.1, 128, 96),
    "densenet201": Recipe(0.1, 128, 96),
    "squeezenet": Recipe(3e-4, 128, 96, optimizer="adam"),
    "mobilenet_v1": Recipe(0.05, 128, 96, momentum=0.9, weight_decay=4e-5, schedule="cosine"),
    "mobilenet_v2": Recipe(0.05, 128, 96, momentum=0.9, weight_decay=4e-5, schedule="cosine"),
    "shufflenet_v2": Recipe(0.05, 128, 96, momentum=0.9, weight_decay=4e-5, schedule="cosine"),
    "efficientnet_b0": Recipe(1e-3, 128, 96, optimizer="adamw", weight_decay=0.01, schedule="cosine"),
}
RECIPES = {**FROM_THE_BOOK, **{name: replace(recipe, source=OURS) for name, recipe in OF_OUR_OWN.items()}}
DEFAULT = Recipe(0.05, 128, 96, source=OURS)

# What a network learns best with depends on these options of it: (network, option, value) -> its settings then.
BY_OPTION = {
    ("lenet", "activation", "relu"): Recipe(0.1, 128, 28, epochs=20, few=often(40), source=OURS),
    ("lenet", "activation", "tanh"): Recipe(0.1, 128, 28, epochs=20, few=often(40), source=OURS),
}


def find_recipe(name: str, options: Mapping[str, Any] | None = None) -> Recipe:
    """The settings for the network of this name, built with these options; if it has none, what suits most networks."""
    for (network, option, value), recipe in BY_OPTION.items():
        if network == name and options and options.get(option) == value:
            return recipe
    return RECIPES.get(name, DEFAULT)
