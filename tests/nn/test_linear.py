import numpy as np

import minitorch_cv as torch
from minitorch_cv import nn


def test_linear_is_x_times_w_transposed_plus_b():
    layer = nn.Linear(2, 3)
    layer.load_state_dict({"weight": np.arange(6.0).reshape(3, 2), "bias": np.array([10.0, 20.0, 30.0])})
    assert layer(torch.tensor([[1.0, 2.0]])).tolist() == [[12, 28, 44]]
    assert repr(layer) == "Linear(in_features=2, out_features=3, bias=True)"


def test_without_bias():
    layer = nn.Linear(2, 3, bias=False)
    assert layer.bias is None
    assert list(layer.state_dict()) == ["weight"]
    assert repr(layer) == "Linear(in_features=2, out_features=3, bias=False)"


def test_first_values_are_uniform_within_one_over_root_of_the_inputs():
    layer = nn.Linear(25, 400)
    for parameter in (layer.weight, layer.bias):
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= 0.2
        assert np.abs(values).max() > 0.19
        assert abs(values.std() - 0.2 / np.sqrt(3)) < 0.01


def test_the_seed_decides_the_first_values():
    torch.manual_seed(3)
    first = nn.Linear(2, 2)
    torch.manual_seed(3)
    assert nn.Linear(2, 2).weight.tolist() == first.weight.tolist()
    assert nn.Linear(2, 2).weight.tolist() != first.weight.tolist()


def test_dtype():
    assert nn.Linear(1, 1, dtype=torch.float64).weight.dtype == torch.float64


def test_identity_takes_any_arguments():
    x = torch.ones(1)
    assert nn.Identity(54, unused=0.1)(x) is x
