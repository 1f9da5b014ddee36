import pytest

import minitorch_cv as mt
from minitorch_cv.models.torchvision.googlenet import GoogLeNetOutputs, googlenet, normalised_by_half

from ..stages import parameter_count, stage_shapes, undrawn

STAGES = {
    "conv1": (1, 64, 48, 48),
    "maxpool1": (1, 64, 24, 24),
    "conv3": (1, 192, 24, 24),
    "maxpool2": (1, 192, 12, 12),
    "inception3b": (1, 480, 12, 12),
    "maxpool3": (1, 480, 6, 6),
    "inception4a": (1, 512, 6, 6),
    "inception4d": (1, 528, 6, 6),
    "inception4e": (1, 832, 6, 6),
    "maxpool4": (1, 832, 3, 3),
    "inception5b": (1, 1024, 3, 3),
    "flatten": (1, 1024),
    "fc": (1, 1000),
}


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """The plain NumPy kernels, and weights of zero."""
    undrawn(monkeypatch)
    monkeypatch.setattr(mt.nn.init, "trunc_normal_", lambda tensor, *args, **kwargs: tensor)
    with mt.use("reference"):
        yield


def test_stages_and_parameters():
    net = googlenet().eval()
    shapes = stage_shapes(net, 1, 3, 96, 96)
    assert {name: shapes[name] for name in STAGES} == STAGES
    assert "aux1" not in shapes
    assert parameter_count(net) == 13_004_888
    assert parameter_count(googlenet(aux_logits=False)) == 6_624_904


def test_three_outputs_in_training_and_one_in_eval_mode():
    net = googlenet(7, 2)
    for head, value in ((net.fc, 1.0), (net.aux1.fc2, 2.0), (net.aux2.fc2, 3.0)):
        mt.nn.init.constant_(head.bias, value)
    x = mt.zeros(2, 2, 33, 33)
    outputs = net(x)
    assert isinstance(outputs, GoogLeNetOutputs)
    assert [tuple(output.shape) for output in outputs] == [(2, 7)] * 3
    assert [output[0, 0].item() for output in outputs] == [1, 3, 2]
    assert outputs.aux_logits1[0, 0].item() == 2
    assert net.eval()(x).shape == (2, 7)
    assert googlenet(7, 2, aux_logits=False)(x).shape == (2, 7)


def test_transform_input():
    x = (mt.ones(2, 3, 4, 4) * 0.5 - mt.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)) / mt.tensor(
        [0.229, 0.224, 0.225]
    ).reshape(3, 1, 1)
    assert mt.allclose(normalised_by_half(x), mt.zeros(2, 3, 4, 4), atol=1e-6)
    with pytest.raises(ValueError, match="transform_input is for images of 3 channels, not in_channels=1"):
        googlenet(in_channels=1, transform_input=True)


def test_the_smallest_images():
    net = googlenet(7).eval()
    assert net(mt.zeros(1, 3, 15, 15)).shape == (1, 7)
    with pytest.raises(ValueError, match="GoogLeNet: needs images of at least 15x15 pixels"):
        net(mt.zeros(1, 3, 14, 15))


@pytest.mark.parametrize("option", ["in_channels", "num_classes"])
def test_nothing_is_refused(option):
    with pytest.raises(ValueError, match=f"GoogLeNet: {option}=0; choose 1 or more"):
        googlenet(**{option: 0})
