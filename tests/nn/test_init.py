import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn
from minitorch_cv.nn import init

FAN_IN, FAN_OUT = 40, 60


def weight():
    """A convolution's weight (O, I, KH, KW) with 40 inputs for each output and 60 outputs for each input."""
    return nn.Parameter(torch.zeros(30, 20, 2, 1))


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda w: init.uniform_(w, -3, 3), 3),
        (lambda w: init.xavier_uniform_(w, gain=2), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
        (lambda w: init.kaiming_uniform_(w), math.sqrt(6 / FAN_IN)),
        (lambda w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="linear"), math.sqrt(3 / FAN_OUT)),
        (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), 1 / math.sqrt(FAN_IN)),
    ],
)
def test_uniform_distributions(fill, bound):
    tensor = weight()
    assert fill(tensor) is tensor
    values = tensor.detach().numpy()
    assert 0.99 * bound < np.abs(values).max() <= bound
    assert abs(values.mean()) < 0.06 * bound
    assert abs(values.std() - bound / math.sqrt(3)) < 0.04 * bound


@pytest.mark.parametrize(
    ("fill", "mean", "std"),
    [
        (lambda w: init.normal_(w, 5, 2), 5, 2),
        (lambda w: init.xavier_normal_(w), 0, math.sqrt(2 / (FAN_IN + FAN_OUT))),
        (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), 0, math.sqrt(2 / FAN_IN)),
        (lambda w: init.kaiming_normal_(w, 0.5, "fan_out"), 0, math.sqrt(2 / 1.25 / FAN_OUT)),
    ],
)
def test_normal_distributions(fill, mean, std):
    tensor = weight()
    assert fill(tensor) is tensor
    values = (tensor.detach().numpy() - mean) / std
    assert abs(values.mean()) < 0.1
    assert abs(values.std() - 1) < 0.07
    assert (np.abs(values) > 2).mean() > 0.02


def test_truncated_normal_stays_inside_and_keeps_its_shape():
    values = init.trunc_normal_(torch.zeros(2000), mean=1.0, std=2.0, a=0.0, b=4.0).numpy()
    assert values.min() >= 0
    assert values.max() <= 4
    share_below_mean = 0.1915 / (0.1915 + 0.4332)  # Φ(0) - Φ(-1/2), and Φ(3/2) - Φ(0)
    assert abs((values < 1).mean() - share_below_mean) < 0.05


def test_truncated_normal_refuses_an_interval_far_away():
    with pytest.raises(
        ValueError, match=r"only 0.0e\+00 of the normal distribution with mean 0.0 and std 0.01 lies in"
    ):
        init.trunc_normal_(torch.zeros(2), std=0.01, a=1.0, b=2.0)


def test_constants():
    assert init.constant_(torch.zeros(2), 3.5).tolist() == [3.5, 3.5]
    assert init.ones_(torch.zeros(2)).tolist() == [1, 1]
    assert init.zeros_(torch.ones(2)).tolist() == [0, 0]
    assert init.eye_(torch.zeros(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_write_is_not_recorded():
    tensor = weight()
    for fill in (init.ones_, init.uniform_, init.normal_, init.trunc_normal_, init.xavier_normal_):
        assert fill(tensor).is_leaf
    assert tensor.requires_grad


@pytest.mark.parametrize(
    "fill",
    [init.uniform_, init.normal_, init.trunc_normal_]
    + [init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_, init.kaiming_normal_],
)
def test_the_generator_decides(fill):
    first = fill(torch.zeros(2, 3), generator=torch.Generator().manual_seed(5)).tolist()
    assert fill(torch.zeros(2, 3), generator=torch.Generator().manual_seed(5)).tolist() == first
    torch.manual_seed(5)
    assert fill(torch.zeros(2, 3)).tolist() == first
    assert fill(torch.zeros(2, 3)).tolist() != first


def test_gains():
    assert [init.calculate_gain(name) for name in ("linear", "conv2d", "sigmoid")] == [1, 1, 1]
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("selu") == 0.75
    assert init.calculate_gain("leaky_relu") == pytest.approx(math.sqrt(2 / 1.0001))
    assert init.calculate_gain("leaky_relu", 1) == 1


def test_fans():
    assert init._calculate_fan_in_and_fan_out(weight()) == (FAN_IN, FAN_OUT)
    assert init._calculate_fan_in_and_fan_out(torch.zeros(3, 5)) == (5, 3)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda: init.calculate_gain("gelu"), "Unsupported nonlinearity 'gelu'; choose one of linear, sigmoid"),
        (lambda: init.xavier_uniform_(torch.zeros(3)), r"at least 2 axes \(O, I, ...\), got shape \(3,\)"),
        (lambda: init.kaiming_normal_(torch.zeros(3, 3), mode="fan"), "mode='fan'; choose 'fan_in' or 'fan_out'"),
        (lambda: init.eye_(torch.zeros(3)), r"eye_: only a matrix can be the identity, got shape \(3,\)"),
    ],
)
def test_what_cannot_be_is_refused(fill, message):
    with pytest.raises(ValueError, match=message):
        fill()


def test_empty_weights_are_left_alone():
    assert init.xavier_uniform_(torch.zeros(0, 0)).shape == (0, 0)
    assert nn.Linear(0, 2).bias.tolist() == [0, 0]
