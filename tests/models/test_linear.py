import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv.models.linear import softmax_regression

from .stages import losses_of, parameter_count, stage_shapes


@pytest.fixture(autouse=True)
def on_references():
    with torch.use("reference"):
        yield


def test_stages_and_parameters():
    net = softmax_regression()
    assert stage_shapes(net, 2, 1, 28, 28) == {"flatten": (2, 784), "fc": (2, 10), "": (2, 10)}
    assert parameter_count(net) == 7_850


def test_channels_classes_and_size():
    net = softmax_regression(3, 4, 5)
    assert net(torch.zeros(2, 3, 5, 5)).shape == (2, 4)
    assert net.fc.in_features == 75


def test_weights_start_small_and_biases_at_zero():
    net = softmax_regression()
    weight = net.fc.weight.detach().numpy()
    assert abs(weight.std() - 0.01) < 4e-4
    assert abs(weight.mean()) < 5e-4
    assert np.abs(weight).max() > 0.025  # normal, not uniform
    assert not net.fc.bias.detach().numpy().any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: softmax_regression(num_classes=0), "SoftmaxRegression: num_classes=0"),
        (
            lambda: softmax_regression()(torch.zeros(1, 1, 32, 32)),
            r"SoftmaxRegression: takes images of shape \(N, 1, 28, 28\), got \(1, 1, 32, 32\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_learns_one_batch_by_heart():
    torch.manual_seed(0)
    net = softmax_regression(1, 4, 8)
    images, labels = torch.randn(4, 1, 8, 8), torch.tensor([2, 0, 1, 3])
    assert losses_of(net, images, labels, steps=10, lr=0.5, momentum=0.5)[-1] < 0.1
    assert net(images).argmax(1).tolist() == [2, 0, 1, 3]
