"""The book's networks at the sizes they are measured at, with the weights and batches that every contender gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Network:
    """A network of `minitorch_cv.models` and what it is trained on: `batch` images of (1, size, size), ten classes.

    steps: training steps in a block, so that a block lasts about a second or less. lr: so small, where a network blows
    rounding errors up with every step, that they leave PyTorch's own modes with the same losses.
    """

    model: str
    size: int
    batch: int
    steps: int = 1
    lr: float = 0.01
    options: Mapping[str, Any] = field(default_factory=dict)


# Dropout is left out on both sides: with it, no two losses could be compared.
NO_DROPOUT = {"dropout": 0.0}
NETWORKS = {
    "lenet": Network("lenet", 28, 256, steps=100, lr=0.1),
    "lenet_relu": Network("lenet", 28, 256, steps=100, lr=0.003, options={"activation": "relu"}),
    "alexnet": Network("alexnet", 224, 32, options=NO_DROPOUT),
    "vgg11": Network("vgg11", 224, 32, lr=0.001, options={"ratio": 4, **NO_DROPOUT}),
    "nin": Network("nin", 224, 32, options=NO_DROPOUT),
    "googlenet": Network("googlenet", 96, 64),
    "resnet18": Network("resnet18", 96, 64, lr=2e-5),
    "densenet": Network("densenet", 96, 64, lr=1e-4),
}
# What a process needs before it has any network to speak of is measured on the smallest one.
TINY = Network("softmax_regression", 2, 2, options={"image_size": 2})
CLASSES = 10


def find(name: str) -> Network:
    """The network of this name."""
    return TINY if name == "tiny" else NETWORKS[name]


def batches(network: Network, count: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and labels: (N, 1, H, W) float32 from 0 to 1, and (N,). Each class has a coarse pattern, under noise."""
    rng = np.random.default_rng(0)
    patterns = rng.random((CLASSES, 1, 4, 4), np.float32)
    places = np.arange(network.size) * 4 // network.size
    patterns = patterns[:, :, places][:, :, :, places]  # (10, 1, 4, 4) -> (10, 1, H, W)
    found = []
    for _ in range(count):
        labels = rng.integers(0, CLASSES, network.batch)
        noise = rng.random((network.batch, 1, network.size, network.size), np.float32)
        found.append(((patterns[labels] + noise) / 2, labels))
    return found


def draw_weights(library: Any, net: Any) -> None:
    """Xavier-uniform weights and small biases for every convolution and linear layer, the same in either library.

    A network of the same layers in the same order gets the same numbers; batch norms keep their ones and zeros.
    """
    rng = np.random.default_rng(1)
    with library.no_grad():
        for module in net.modules():
            if isinstance(module, (library.nn.Conv2d, library.nn.Linear)):
                shape = tuple(module.weight.shape)
                limit = (6 / (np.prod(shape[2:]) * (shape[0] + shape[1]))) ** 0.5
                module.weight.copy_(library.tensor(uniform(rng, limit, shape)))
                module.bias.copy_(library.tensor(uniform(rng, 0.1, shape[:1])))


def uniform(rng: np.random.Generator, limit: float, shape: tuple[int, ...]) -> np.ndarray:
    """float32 numbers from -limit to limit."""
    return (2 * rng.random(shape, np.float32) - 1) * np.float32(limit)
