import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

CALLS = [
    (F.relu, ()),
    (F.leaky_relu, (0.3,)),
    (F.elu, (0.7,)),
    (F.silu, ()),
    (F.hardtanh, (-0.5, 0.4)),
    (F.relu6, ()),
    (F.hardsigmoid, ()),
    (F.hardswish, ()),
    (F.mish, ()),
]


@pytest.mark.parametrize(("activation", "options"), CALLS)
def test_inplace_gives_the_same_values_and_gradients(rng, activation, options):
    leaf = mt.tensor(3 * rng.normal(size=(3, 4)), requires_grad=True)
    expected = activation(leaf * 1, *options)
    expected.sum().backward()
    gradient = leaf.grad.numpy().copy()
    leaf.grad = None
    x = leaf * 1
    assert activation(x, *options, inplace=True) is x
    x.sum().backward()
    np.testing.assert_array_equal(x.detach().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(leaf.grad.numpy(), gradient)


@pytest.mark.parametrize(("activation", "options"), CALLS)
def test_without_inplace_the_input_stays(rng, activation, options):
    x = mt.tensor(3 * rng.normal(size=(3, 4)))
    before = x.numpy().copy()
    activation(x, *options)
    np.testing.assert_array_equal(x.numpy(), before)


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_dim_must_be_given(function):
    with pytest.raises(
        TypeError, match=r"softmax: dim is missing for x of shape \(2, 3\); give it, for instance dim=-1"
    ):
        function(mt.zeros(2, 3))


@pytest.mark.parametrize("function", [F.softmax, F.log_softmax])
def test_dtype_converts_first(function):
    x = mt.tensor([[1, 2, 4]])
    y = function(x, -1, dtype=mt.float64)
    assert y.dtype == mt.float64
    np.testing.assert_array_equal(y.numpy(), function(x.double(), dim=1).numpy())
