import copy
import pickle

import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def test_a_parameter_is_a_leaf_that_requires_grad_and_shares_memory():
    data = torch.zeros(2)
    parameter = nn.Parameter(data)
    data[0] = 5.0
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert parameter.tolist() == [5, 0]
    assert not nn.Parameter(data, requires_grad=False).requires_grad


def test_a_write_through_the_data_is_noticed():
    data = torch.ones(2)
    parameter = nn.Parameter(data)
    loss = (parameter * parameter).sum()
    data.fill_(3.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_results_are_plain_tensors():
    assert type(nn.Parameter(torch.ones(2)) * 2) is torch.Tensor


def test_repr():
    assert repr(nn.Parameter(torch.ones(2))) == "Parameter containing:\n" + repr(torch.ones(2, requires_grad=True))


def test_data_can_be_numbers_or_nothing():
    assert nn.Parameter([1.0, 2.0]).dtype == torch.float32
    assert nn.Parameter().shape == (0,)


def test_integers_cannot_be_trained():
    with pytest.raises(RuntimeError, match="only floating-point tensors can require gradients, got int64"):
        nn.Parameter(torch.arange(3))
    assert nn.Parameter(torch.arange(3), requires_grad=False).dtype == torch.int64


@pytest.mark.parametrize("kind", [nn.UninitializedParameter, nn.UninitializedBuffer])
def test_what_has_no_shape_says_so(kind):
    tensor = kind()
    message = f"this {kind.__name__} has no shape or values yet: .* run one batch through the network first"
    for use in (lambda: tensor.shape, lambda: tensor + 1, lambda: tensor.numel(), lambda: nn.init.ones_(tensor)):
        with pytest.raises(RuntimeError, match=message):
            use()
    assert repr(tensor) == f"<{kind.__name__}>"
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        tensor.nonsense  # noqa: B018


def test_materialize_turns_the_same_object_into_a_parameter():
    parameter = nn.UninitializedParameter(dtype=torch.float64)
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter
    assert parameter.shape == (2, 3)
    assert parameter.dtype == torch.float64
    assert parameter.requires_grad
    buffer = nn.UninitializedBuffer()
    buffer.materialize((1,))
    assert type(buffer) is torch.Tensor
    assert not buffer.requires_grad


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_without_a_shape(duplicate):
    twin = duplicate(nn.UninitializedParameter(requires_grad=False, dtype=torch.float64))
    assert isinstance(twin, nn.UninitializedParameter)
    twin.materialize((1,))
    assert twin.dtype == torch.float64
    assert not twin.requires_grad
