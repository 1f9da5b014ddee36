"""The networks that PyTorch runs in the benchmarks are those that we run."""

import numpy as np
import pytest

import minitorch_cv as mt
from benchmarks import book
from minitorch_cv import models

from ..models.stages import undrawn
from .compare import torch

pytestmark = pytest.mark.parity

torch_networks = pytest.importorskip("benchmarks.torch_networks")


@pytest.mark.parametrize("name", [*book.NETWORKS, "tiny"])
def test_the_same_layers_in_the_same_order(monkeypatch, name):
    undrawn(monkeypatch)
    network = book.find(name)
    ours = models.build(network.model, network.options)
    with torch.device("meta"):
        theirs = torch_networks.build(network.model, network.options)
    assert [tuple(p.shape) for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]


@pytest.mark.parametrize("name", ["lenet", "lenet_relu", "nin", "googlenet", "resnet18", "densenet"])
def test_the_same_outputs_from_the_same_weights(name):
    """AlexNet and VGG would need images of 224 pixels and their 40 million weights."""
    network = book.find(name)
    side = {"lenet": 28, "nin": 67}.get(network.model, 32)
    images = np.random.default_rng(0).random((2, 1, side, side))
    outputs = []
    for library, net in (
        (mt, models.build(network.model, network.options)),
        (torch, torch_networks.build(network.model, network.options)),
    ):
        book.draw_weights(library, net)
        with library.no_grad(), mt.use("reference"):
            outputs.append(net.double()(library.tensor(images)).numpy())
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-6, atol=1e-9)
