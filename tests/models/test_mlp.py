import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.models.mlp import mlp

from .stages import losses_of, parameter_count, stage_shapes


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_stages_and_parameters():
    net = mlp()
    assert stage_shapes(net, 2, 1, 28, 28) == {
        "layers.flatten": (2, 784),
        "layers.fc1": (2, 256),
        "layers.act1": (2, 256),
        "layers.fc2": (2, 10),
        "layers": (2, 10),
        "": (2, 10),
    }
    assert parameter_count(net) == 203_530


def test_the_books_dropout_network():
    net = mlp(hidden=(256, 128), dropout=(0.2, 0.5))
    assert [name for name, _ in net.layers.named_children()] == [
        "flatten", "fc1", "act1", "dropout1", "fc2", "act2", "dropout2", "fc3",
    ]  # fmt: skip
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.2, 0.5]
    assert [module.out_features for module in net.modules() if isinstance(module, nn.Linear)] == [256, 128, 10]


def test_one_rate_is_for_every_hidden_layer():
    assert [m.p for m in mlp(hidden=(8, 8, 8), dropout=0.3).modules() if isinstance(m, nn.Dropout)] == [0.3] * 3


def test_channels_classes_size_and_no_hidden_layer():
    assert mlp(3, 4, 5, hidden=(7,))(torch.zeros(2, 3, 5, 5)).shape == (2, 4)
    assert mlp(3, 4, 5, hidden=()).layers.fc1.weight.shape == (4, 75)


def test_weights_start_small_and_biases_at_zero():
    for layer in (mlp().layers.fc1, mlp().layers.fc2):
        assert abs(layer.weight.detach().numpy().std() - 0.01) < 6e-4
        assert not layer.bias.detach().numpy().any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: mlp(in_channels=0), "MLP: in_channels=0"),
        (lambda: mlp(hidden=(256, 0)), r"MLP: hidden=\(256, 0\); every width must be 1 or more"),
        (
            lambda: mlp(hidden=(8, 8), dropout=(0.5,)),
            r"MLP: dropout=\(0.5,\) for 2 hidden layers; give one number, or one for each layer",
        ),
        (lambda: mlp()(torch.zeros(1, 3, 28, 28)), r"MLP: takes images of shape \(N, 1, 28, 28\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = mlp(1, 4, 8, hidden=(32,))
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([2, 0, 1, 3])
    assert losses_of(net, images, labels, steps=30, lr=0.5, momentum=0.5)[-1] < 0.1
    assert net(images).argmax(1).tolist() == [2, 0, 1, 3]
