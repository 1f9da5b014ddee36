"""Gradient checks of whole networks, from the images to the loss."""

from __future__ import annotations

import numpy as np

from ..models.lenet import LeNet
from ..nn import functional as F
from ..random import default_generator
from ..tensor import Tensor
from .case import Case, Setup, on_both_implementations

LABELS = Tensor(np.array([3, 7]))


def lenet(activation: str) -> Case:
    """LeNet with its loss on two images: some elements of the images and of every parameter."""

    def setup(rng: np.random.Generator) -> Setup:
        net = seeded_lenet(activation)
        images = Tensor(rng.uniform(size=(2, 1, 28, 28)), requires_grad=True)
        names, parameters = zip(*net.named_parameters())
        return Setup(
            lambda x, *_: F.cross_entropy(net(x), LABELS, reduction="sum"), [images, *parameters], ["x", *names]
        )

    return Case("LeNet", activation, setup, sample=10)


def seeded_lenet(activation: str) -> LeNet:
    """The same float64 network each time; the state of the default random generator stays as it was."""
    state = default_generator.get_state()
    try:
        default_generator.manual_seed(0)
        net = LeNet(activation=activation)
    finally:
        default_generator.set_state(state)
    net.double()
    return net


CASES = on_both_implementations([lenet("sigmoid"), lenet("relu")])
