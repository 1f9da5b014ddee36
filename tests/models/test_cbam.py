from functools import partial

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv.models.cbam import ChannelAttention, SpatialAttention, cbam, cbam_resnet18, cbam_resnet50
from minitorch_cv.models.resnet import Residual, ResNet

from .stages import losses_of, parameter_count, stage_shapes, undrawn


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


def test_channel_attention_is_its_equation():
    net = ChannelAttention(6, 2).double()
    x = torch.randn(3, 6, 4, 5, dtype=torch.float64)
    w1, w2 = (parameter.detach().numpy()[:, :, 0, 0] for parameter in net.parameters())
    mean, most = x.numpy().mean((2, 3)), x.numpy().max((2, 3))
    scale = sigmoid((np.maximum(mean @ w1.T, 0) + np.maximum(most @ w1.T, 0)) @ w2.T)  # (3, 6)
    np.testing.assert_allclose(net(x).detach().numpy(), x.numpy() * scale[:, :, None, None], rtol=1e-12)


def test_spatial_attention_is_its_equation():
    net = SpatialAttention().double()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64).numpy()
    (w,) = (parameter.detach().numpy()[0] for parameter in net.parameters())
    assert w.shape == (2, 7, 7)
    maps = np.pad(np.stack([x.mean(1), x.max(1)], axis=1), ((0, 0), (0, 0), (3, 3), (3, 3)))
    scale = sigmoid(
        [[[(image[:, i : i + 7, j : j + 7] * w).sum() for j in range(5)] for i in range(4)] for image in maps]
    )
    np.testing.assert_allclose(net(torch.tensor(x)).detach().numpy(), x * scale[:, None], rtol=1e-12)


def test_every_block_weighs_its_channels_then_its_pixels(monkeypatch):
    undrawn(monkeypatch)
    shapes = stage_shapes(cbam_resnet18(), 1, 1, 64, 64)
    assert [shapes[f"layer{i}"] for i in (1, 2, 3, 4)] == [
        *((1, 64, 16, 16), (1, 128, 8, 8), (1, 256, 4, 4), (1, 512, 2, 2))
    ]
    assert [name for name in shapes if name.startswith("layer1.0.attention.") and name.count(".") == 3] == [
        *("layer1.0.attention.channel", "layer1.0.attention.spatial")
    ]
    for i, channels in enumerate((64, 128, 256, 512), start=1):
        for j in (0, 1):
            attention = f"layer{i}.{j}.attention"
            assert shapes[f"{attention}.channel.mlp.fc1"] == (1, channels // 16, 1, 1)
            assert shapes[f"{attention}.spatial.conv"] == (1, 1, *shapes[f"layer{i}"][2:])


def test_parameters(monkeypatch):
    undrawn(monkeypatch)
    # for ImageNet's classes: 11.78 and 28.09 million in the paper
    assert parameter_count(cbam_resnet18(in_channels=3, num_classes=1000)) == 11_777_336
    assert parameter_count(cbam_resnet50(in_channels=3, num_classes=1000)) == 28_073_544


def test_options(monkeypatch):
    undrawn(monkeypatch)
    net = cbam_resnet50(3, 7, reduction=1000, stochastic_depth=0.16)
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert net.layer1[0].attention.channel.mlp.fc1.out_channels == 1
    assert [net.layer1[0].stochastic_depth.p, net.layer4[2].stochastic_depth.p] == pytest.approx([0.01, 0.16])
    for build in (cbam_resnet18, cbam_resnet50):
        with pytest.raises(ValueError, match="cbam_resnet: reduction=0; choose 1 or more"):
            build(reduction=0)


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = ResNet(partial(Residual, attention=cbam(4)), (1, 1, 1, 1), (16, 16, 32, 32))
    images, labels = torch.randn(4, 1, 20, 20), torch.arange(4)
    losses_of(net, images, labels, steps=30, lr=0.1, momentum=0.0)
    assert net.eval()(images).argmax(1).tolist() == labels.tolist()
