"""A loss that is NaN or infinite: the message names what is not finite, and blames the steps only where they are."""

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.nn import functional as F
from minitorch_cv.train import NonFiniteLossError, fit


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))


def images(count=8):
    return np.random.default_rng(0).standard_normal((count, 1, 8, 8)).astype(np.float32)


def failure(net, x, y, loss=F.cross_entropy, lr=0.1, epochs=2, compiled=False, batch_size=4):
    loader = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size)
    optimizer = torch.optim.SGD(net.parameters(), lr)
    with pytest.raises(NonFiniteLossError) as raised:
        fit(net, loader, loader, epochs=epochs, optimizer=optimizer, loss=loss, compiled=compiled)
    return raised.value


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_image(value, compiled):
    x = images()
    x[2, 0, 3, 5] = value
    error = failure(network(), x, np.zeros(8, int), compiled=compiled)
    assert f"the images of this batch hold {value} at image 2, channel 0, row 3, column 5" in str(error)
    assert "learning rate" not in str(error)
    assert not error.too_large


def test_an_image_of_a_later_batch():
    x = images()
    x[7, 0, 0, 1] = np.nan
    error = failure(network(), x, np.zeros(8, int))
    assert "in epoch 1, batch 2 of 2: the images of this batch hold nan at image 3, channel 0, row 0, column 1" in str(
        error
    )


def test_a_target():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    targets = np.zeros((8, 2), np.float32)
    targets[1, 1] = np.nan
    error = failure(net, images(), targets, loss=F.mse_loss)
    assert "the labels of this batch hold nan at row 1, column 1" in str(error)


@pytest.mark.parametrize(
    ("name", "place"),
    [("0.weight", "image 1, channel 0, row 2, column 1"), ("4.bias", "element 1"), ("1.running_mean", "element 0")],
)
def test_a_weight_or_buffer(name, place):
    net = network()
    tensor = net.state_dict()[name]
    position = {"0.weight": (1, 0, 2, 1), "4.bias": (1,), "1.running_mean": (0,)}[name]
    tensor.numpy()[position] = np.nan
    if name == "1.running_mean":
        net[1].eval()
        net[1].train = lambda mode=True: net[1]
    error = failure(net, images(), np.zeros(8, int))
    assert f"{name} holds nan at " in str(error)
    assert "before the first step" in str(error)
    assert place.split(", ")[-1] in str(error)
    assert "learning rate" not in str(error)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the plain kernels, which overflow as they should
def test_steps_that_are_too_large():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 3))
    error = failure(net, images(), np.zeros(8, int), loss=lambda y, t: (y * y).mean(), lr=1e30)
    assert error.too_large
    assert str(error).startswith("the loss became ")
    assert ", with learning rate 1e+30: the steps are too large" in str(error)
    assert str(error).endswith("; try a smaller one, for instance 1e+29")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the plain kernels, which overflow as they should
def test_weights_that_a_step_made_infinite_are_named():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    error = failure(net, images() * 1e20, np.zeros(8, int), loss=lambda y, t: (y * 1e-10).mean(), lr=1e38)
    assert error.too_large
    assert "the steps are too large: 1.weight has come to hold" in str(error)


def test_a_layer_that_overflows_without_any_step():
    class Exponential(nn.Module):
        def forward(self, x):
            return torch.exp(x * 1e4)

    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), Exponential()), nn.Flatten(), nn.Linear(72, 3))
    error = failure(net, np.abs(images()) * 100, np.zeros(8, int))
    assert "0.1 (Exponential) gives inf at image 0" in str(error)
    assert "not at the learning rate" in str(error)
    assert not error.too_large


def test_the_network_is_left_as_it_was():
    net = network()
    before = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    loader = DataLoader(TensorDataset(torch.tensor(images()), torch.tensor(np.zeros(8, int))), 8)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pytest.raises(NonFiniteLossError, match="the loss itself is not finite"):
        fit(net, loader, loader, epochs=1, optimizer=optimizer, loss=lambda y, t: y.sum() * float("nan"))
    after = net.state_dict()
    for name in ("0.weight", "4.weight"):
        np.testing.assert_array_equal(after[name].numpy(), before[name])
    assert after["1.num_batches_tracked"].item() == 1, "of the step that failed, not of the look at the layers"
    assert not any(module._forward_hooks for module in net.modules())
