import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import models, nn
from minitorch_cv.models.lenet import LeNet, bn_lenet, lenet

from .stages import losses_of, parameter_count, stage_shapes

STAGES = {
    "features.conv1": (1, 6, 28, 28),
    "features.pool1": (1, 6, 14, 14),
    "features.conv2": (1, 16, 10, 10),
    "features.pool2": (1, 16, 5, 5),
    "classifier.flatten": (1, 400),
    "classifier.fc1": (1, 120),
    "classifier.fc2": (1, 84),
    "classifier.fc3": (1, 10),
}


BN_STAGES = {
    "features.conv1": (2, 6, 24, 24),
    "features.norm1": (2, 6, 24, 24),
    "features.pool1": (2, 6, 12, 12),
    "features.conv2": (2, 16, 8, 8),
    "features.norm2": (2, 16, 8, 8),
    "features.pool2": (2, 16, 4, 4),
    "classifier.flatten": (2, 256),
    "classifier.fc1": (2, 120),
    "classifier.norm3": (2, 120),
    "classifier.fc2": (2, 84),
    "classifier.norm4": (2, 84),
    "classifier.fc3": (2, 10),
}


@pytest.fixture(autouse=True)
def on_references():
    """The plain NumPy kernels, which are quick also where Numba does not compile."""
    with torch.use("reference"):
        yield


def test_every_stage_has_the_books_shape():
    net, shapes = LeNet(), {}
    for name in STAGES:
        net.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: shapes.update({name: output.shape})
        )
    net(torch.zeros(1, 1, 28, 28))
    assert shapes == STAGES


def test_parameters():
    assert sum(parameter.numel() for parameter in LeNet().parameters()) == 61_706
    assert list(LeNet().state_dict()) == [
        f"{stage}.{layer}.{kind}"
        for stage, layers in (("features", ("conv1", "conv2")), ("classifier", ("fc1", "fc2", "fc3")))
        for layer in layers
        for kind in ("weight", "bias")
    ]


def test_channels_and_classes():
    assert lenet(3, 7)(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


@pytest.mark.parametrize(("name", "layer"), [("sigmoid", nn.Sigmoid), ("relu", nn.ReLU), ("tanh", nn.Tanh)])
def test_activation(name, layer):
    parts = [type(module) for module in lenet(activation=name).modules()]
    assert parts.count(layer) == 4
    assert sum(parts.count(other) for other in (nn.Sigmoid, nn.ReLU, nn.Tanh)) == 4


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: lenet(activation="gelu"), "^LeNet: activation='gelu'; choose one of sigmoid, relu, tanh$"),
        (lambda: bn_lenet(activation="gelu"), "^BNLeNet: activation='gelu'; choose one of sigmoid, relu, tanh$"),
        (lambda: lenet(num_classes=0), "LeNet: num_classes=0; choose 1 or more"),
        (lambda: bn_lenet(in_channels=-1), "BNLeNet: in_channels=-1; choose 1 or more"),
        (lambda: lenet()(torch.zeros(1, 1, 32, 32)), r"LeNet: takes images of shape \(N, 1, 28, 28\)"),
        (lambda: bn_lenet()(torch.zeros(1, 3, 28, 28)), r"BNLeNet: takes images of shape \(N, 1, 28, 28\)"),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_with_batch_norm_every_stage_has_the_books_shape():
    net = bn_lenet()
    shapes = stage_shapes(net, 2, 1, 28, 28)
    assert {name: shapes[name] for name in BN_STAGES} == BN_STAGES
    assert parameter_count(net) == 44_878


def test_batch_norm_stands_between_each_hidden_layer_and_its_activation():
    net = bn_lenet(3, 7, activation="relu")
    kinds = [type(module) for part in (net.features, net.classifier) for module in part]
    assert [kind.__name__ for kind in kinds] == (
        ["Conv2d", "BatchNorm2d", "ReLU", "AvgPool2d"] * 2 + ["Flatten"] + ["Linear", "BatchNorm1d", "ReLU"] * 2
    ) + ["Linear"]
    assert net(torch.zeros(2, 3, 28, 28)).shape == (2, 7)


def test_with_batch_norm_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = bn_lenet()
    assert losses_of(net, torch.randn(4, 1, 28, 28), torch.arange(4), steps=10, lr=0.5, momentum=0.0)[-1] < 0.2


def test_weights_start_xavier_uniform_and_biases_as_usual():
    net = LeNet()
    for name, fans, fan_in in (
        ("features.conv2", 6 * 25 + 16 * 25, 6 * 25),
        ("classifier.fc1", 400 + 120, 400),
        ("classifier.fc2", 120 + 84, 120),
    ):
        layer = net.get_submodule(name)
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        bound = math.sqrt(6 / fans)
        assert 0.97 * bound < np.abs(weight).max() <= bound
        assert 0 < np.abs(bias).max() <= 1 / math.sqrt(fan_in)


def test_the_seed_decides_the_weights():
    first, second = (models.lenet() for _ in range(2) if torch.manual_seed(4))
    assert all(np.array_equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = lenet(activation="tanh")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loss = nn.CrossEntropyLoss()
    x, y = torch.randn(4, 1, 28, 28), torch.arange(4)
    for _ in range(10):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
    assert value.item() < 0.2
    assert net(x).argmax(1).tolist() == [0, 1, 2, 3]
