import math

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def with_gradients(*gradients):
    parameters = [nn.Parameter(torch.zeros(len(gradient))) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = torch.tensor(gradient)
    return parameters


def test_parameters_as_a_vector_and_back():
    layer = nn.Linear(2, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.tolist() == [*layer.weight.reshape(-1).tolist(), *layer.bias.tolist()]
    vector.sum().backward()
    assert layer.bias.grad.tolist() == [1, 1]
    nn.utils.vector_to_parameters(torch.arange(6.0), layer.parameters())
    assert layer.weight.tolist() == [[0, 1], [2, 3]]
    assert layer.bias.tolist() == [4, 5]
    with pytest.raises(ValueError, match=r"the parameters have 6 elements but vec has shape \(5,\)"):
        nn.utils.vector_to_parameters(torch.zeros(5), layer.parameters())


@pytest.mark.parametrize(
    ("norm_type", "total"), [(2.0, 13.0), (1.0, 19.0), (math.inf, 12.0), (3.0, (27 + 64 + 1728) ** (1 / 3))]
)
def test_clip_grad_norm_scales_all_gradients_together(norm_type, total):
    a, b = with_gradients([3.0, -4.0], [12.0])
    assert nn.utils.clip_grad_norm_([a, b], 6.5, norm_type).item() == pytest.approx(total)
    np.testing.assert_allclose([*a.grad.tolist(), *b.grad.tolist()], np.array([3, -4, 12]) * 6.5 / total, rtol=1e-5)


def test_clip_grad_norm_leaves_small_gradients_alone():
    (a,) = with_gradients([3.0, 4.0])
    assert nn.utils.clip_grad_norm_(a, 5.5).item() == 5
    assert a.grad.tolist() == [3, 4]
    assert nn.utils.clip_grad_norm_([nn.Parameter(torch.ones(1))], 1.0).item() == 0


def test_clip_grad_norm_and_nan():
    (a,) = with_gradients([math.nan, 1.0])
    with pytest.raises(RuntimeError, match="the norm of the gradients is nan"):
        nn.utils.clip_grad_norm_(a, 1.0, error_if_nonfinite=True)
    assert a.grad.tolist()[1] == 1
    nn.utils.clip_grad_norm_(a, 1.0)
    assert all(math.isnan(value) for value in a.grad.tolist())


def test_clip_grad_value():
    (a,) = with_gradients([3.0, -4.0, 0.5])
    nn.utils.clip_grad_value_([a], 1.0)
    assert a.grad.tolist() == [1, -1, 0.5]
