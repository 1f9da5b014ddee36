import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


class Small(nn.Module):
    def __init__(self, features=2):
        super().__init__()
        self.fc = nn.Linear(features, 2)
        self.bn = nn.BatchNorm1d(2)
        self.register_buffer("seen", torch.zeros(1))
        self.register_buffer("cache", torch.zeros(1), persistent=False)


def snapshot(module):
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


def test_keys_have_torchs_order():
    assert list(Small().state_dict()) == [
        "seen",
        "fc.weight",
        "fc.bias",
        "bn.weight",
        "bn.bias",
        "bn.running_mean",
        "bn.running_var",
        "bn.num_batches_tracked",
    ]


def test_tensors_are_detached_and_share_memory():
    net = Small()
    net.state_dict()["fc.bias"].fill_(7.0)
    assert net.fc.bias.tolist() == [7, 7]
    assert not net.state_dict()["fc.bias"].requires_grad
    assert net.state_dict(keep_vars=True)["fc.bias"] is net.fc.bias


def test_prefix_and_destination():
    destination = {"other": torch.ones(1)}
    assert Small().state_dict(destination=destination, prefix="net.") is destination
    assert list(destination)[:3] == ["other", "net.seen", "net.fc.weight"]


def test_a_tied_parameter_appears_under_both_names():
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    net[1].weight = net[0].weight
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_load_copies_in_place():
    source, net = Small(), Small()
    weight, array = net.fc.weight, net.fc.weight.detach().numpy()
    result = net.load_state_dict(source.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert net.fc.weight is weight
    assert np.array_equal(array, source.fc.weight.detach().numpy())
    assert not np.shares_memory(array, source.fc.weight.detach().numpy())
    assert weight.requires_grad


def test_load_takes_arrays_and_converts_to_the_dtype_of_the_model():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": torch.full((1,), 3.0, dtype=torch.float64)})
    assert layer.weight.dtype == layer.bias.dtype == torch.float32
    assert layer.weight.tolist() == [[1, 2]]


def test_load_makes_an_old_graph_unusable():
    layer = nn.Linear(2, 2)
    loss = (layer(torch.ones(1, 2, requires_grad=True)) * layer.bias).sum()
    layer.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="was changed in place after the forward pass"):
        loss.backward()


def test_one_error_lists_everything_and_nothing_is_changed():
    net = Small()
    before = snapshot(net)
    wrong = {name: torch.ones(*value.shape) for name, value in before.items()}
    del wrong["fc.bias"], wrong["seen"]
    wrong["extra"] = torch.ones(1)
    wrong["fc.weight"] = torch.ones(2, 5)
    wrong["bn.weight"] = 3
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(wrong)
    assert str(error.value) == (
        'Error(s) in loading state_dict for Small: Missing key(s) in state_dict: "seen", "fc.bias"; '
        'Unexpected key(s) in state_dict: "extra"; '
        "size mismatch for fc.weight: shape (2, 5) in state_dict, (2, 2) in the model; "
        "bn.weight should be a tensor or an array, got int; build the model as it was when saved"
    )
    assert all(np.array_equal(before[name], value) for name, value in snapshot(net).items())


def test_of_many_that_do_not_fit_the_first_three_are_named_and_all_counted():
    net = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(9)))
    values = {f"{i}.weight": torch.ones(2, 1) for i in range(5)} | {f"x{i}": torch.ones(1) for i in range(1200)}
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(values)
    assert str(error.value) == (
        "Error(s) in loading state_dict for Sequential: "
        'Missing key(s) in state_dict: "5.weight", "6.weight", "7.weight" and 1 more (4 in all); '
        'Unexpected key(s) in state_dict: "x0", "x1", "x2" and 1,197 more (1,200 in all); '
        "size mismatch for 0.weight: shape (2, 1) in state_dict, (1, 1) in the model; "
        "size mismatch for 1.weight: shape (2, 1) in state_dict, (1, 1) in the model; "
        "size mismatch for 2.weight: shape (2, 1) in state_dict, (1, 1) in the model and 2 more (5 in all); "
        "build the model as it was when saved"
    )


def test_an_error_about_names_offers_strict_false():
    with pytest.raises(RuntimeError, match=r"or pass strict=False to skip such keys$"):
        nn.Linear(1, 1).load_state_dict({})


def test_not_strict_skips_names_but_not_shapes():
    net = Small()
    values = {"fc.bias": torch.full((2,), 5.0), "extra": torch.ones(1)}
    result = net.load_state_dict(values, strict=False)
    assert net.fc.bias.tolist() == [5, 5]
    assert result.unexpected_keys == ["extra"]
    assert "fc.weight" in result.missing_keys
    assert "fc.bias" not in result.missing_keys
    with pytest.raises(
        RuntimeError, match=r"size mismatch for fc.bias: shape \(3,\) in state_dict, \(2,\) in the model"
    ):
        net.load_state_dict({"fc.bias": torch.ones(3)}, strict=False)


def test_a_state_that_is_no_dictionary_is_refused():
    with pytest.raises(TypeError, match="expected a dictionary of names and tensors, got list"):
        Small().load_state_dict([1])


def test_complex_values_are_refused_before_anything_is_changed():
    layer = nn.Linear(1, 1)
    before = snapshot(layer)
    with pytest.raises(TypeError, match="complex128"):
        layer.load_state_dict({"weight": np.ones((1, 1)), "bias": np.ones(1, complex)})
    assert snapshot(layer) == before
