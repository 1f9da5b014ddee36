"""Every network of the registry in onnxruntime: the logits are ours, for the batch it was exported with and another."""

import os

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import models
from minitorch_cv.onnx import export

onnxruntime = pytest.importorskip("onnxruntime")
COMPILED = not os.environ.get("NUMBA_DISABLE_JIT", "0").strip("0")
pytestmark = [
    pytest.mark.networks,
    pytest.mark.skipif(not COMPILED, reason="whole networks take minutes in plain Python"),
]

SMALL = {"image_size": 32, "hidden": 32}
# options and side of the images, where they are not the default and 64; the rest of a network does not change with them
OPTIONS = {
    "softmax_regression": ({}, 28),
    "mlp": ({}, 28),
    "lenet": ({}, 28),
    "bn_lenet": ({}, 28),
    "alexnet": ({"image_size": 79, "hidden": 32}, 79),
    "alexnet_paper": ({"image_size": 79, "hidden": 32, "local_response_norm": True}, 79),
    "zfnet": ({"image_size": 79, "hidden": 32}, 79),
    "nin": ({}, 96),
    **{f"vgg{depth}": (SMALL, 32) for depth in (11, 13, 16, 19)},
    # adaptive pools need a map that their target divides
    "torchvision.alexnet": ({"num_classes": 10}, 224),
    "torchvision.googlenet": ({"num_classes": 10, "aux_logits": False}, 64),
}
# networks that a smaller one of the same code stands for: exporting half a gigabyte of weights says no more
LEFT_OUT = {f"torchvision.vgg{depth}{bn}" for depth in (13, 16, 19) for bn in ("", "_bn")}
NAMES = [name for name in models.MODELS if name not in LEFT_OUT]


def settings(name):
    """The network, and the shape of one image."""
    options, side = OPTIONS.get(name, ({}, 224 if "vgg" in name else 64))
    torch.manual_seed(0)
    net = models.build(name, options)
    image = (net.in_channels, side, side)
    settle(net, torch.tensor(images(8, image)))
    return net.eval(), image


def images(count, shape):
    """Pictures of large patches, which differ from each other more than noise does."""
    rng, (channels, height, width) = np.random.default_rng(count), shape
    patches = rng.standard_normal((count, channels, 4, 4), np.float32)
    return patches.repeat(-(-height // 4), 2).repeat(-(-width // 4), 3)[:, :, :height, :width]


def settle(net, x):
    """Bring a network to where training would: batch norms know their statistics, residual branches add a little.

    As they start, norms make deep networks give zeros; branches of full strength let rounding errors of a network of a
    hundred layers grow a thousandfold.
    """
    for block in net.modules():
        if isinstance(block, torch.nn.BatchNorm2d):
            block.momentum = 1.0
        elif isinstance(block, models.resnet.Bottleneck):
            torch.nn.init.constant_(block.bn3.weight, 0.2)
    with torch.no_grad():
        net(x)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_logits(name, tmp_path):
    net, image = settings(name)
    export(net, torch.zeros(1, *image), tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 2):
        x = images(batch, image)
        with torch.no_grad():
            ours = net(torch.tensor(x)).numpy()
        (theirs,) = session.run(None, {"input": x})
        assert np.abs(ours).max() > 1e-2
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4 * np.abs(ours).max())
