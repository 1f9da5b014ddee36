import os
import re
import sys

import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import messages, models, nn
from minitorch_cv.summary import summary
from minitorch_cv.summary_table import text


@pytest.fixture(autouse=True)
def on_references():
    """The plain NumPy kernels, which are quick also where Numba does not compile."""
    with torch.use("reference"):
        yield


def column(result, attribute):
    return {row.name: getattr(row, attribute) for row in result.rows if row.is_leaf}


def test_lenet():
    result = summary(models.lenet(), (2, 1, 28, 28), verbose=0)
    assert column(result, "output_shape") == {
        "conv1": [2, 6, 28, 28],
        "act1": [2, 6, 28, 28],
        "pool1": [2, 6, 14, 14],
        "conv2": [2, 16, 10, 10],
        "act2": [2, 16, 10, 10],
        "pool2": [2, 16, 5, 5],
        "flatten": [2, 400],
        "fc1": [2, 120],
        "act3": [2, 120],
        "fc2": [2, 84],
        "act4": [2, 84],
        "fc3": [2, 10],
    }
    assert {name: n for name, n in column(result, "multiply_adds").items() if n} == {
        "conv1": 2 * 28 * 28 * 6 * 25,
        "conv2": 2 * 10 * 10 * 16 * 6 * 25,
        "fc1": 2 * 400 * 120,
        "fc2": 2 * 120 * 84,
        "fc3": 2 * 84 * 10,
    }
    assert {name: n for name, n in column(result, "parameters").items() if n} == {
        "conv1": 156,
        "conv2": 2416,
        "fc1": 48_120,
        "fc2": 10_164,
        "fc3": 850,
    }
    assert (result.parameters, result.multiply_adds) == (61_706, 2 * 416_520)
    assert result.input_bytes == 4 * 2 * 784
    assert result.parameter_bytes == 4 * 61_706


def test_activations_are_the_new_memory_of_the_layers():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8, 5), nn.ReLU())
    result = summary(net, (3, 1, 4, 4), verbose=0)
    assert [row.activations for row in result.rows[1:]] == [4 * 3 * 8, 0, 0, 4 * 3 * 5, 4 * 3 * 5]
    assert result.activation_bytes == 4 * 3 * (8 + 5 + 5)


def test_filters_in_groups_see_their_own_channels_only():
    (_, row) = summary(nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, groups=2)), (1, 4, 7, 7), verbose=0).rows
    assert row.multiply_adds == 6 * (4 // 2) * 9 * 3 * 3


def test_a_layer_used_twice_computes_twice_and_counts_once():
    shared = nn.Linear(3, 3, bias=False)
    result = summary(nn.Sequential(shared, nn.ReLU(), shared), (1, 3), verbose=0)
    assert [(row.type, row.repeated) for row in result.rows] == [
        ("Sequential", False),
        ("Linear", False),
        ("ReLU", False),
        ("Linear", True),
    ]
    assert (result.parameters, result.multiply_adds) == (9, 18)
    assert "(repeated)" in str(result)


class TwoInputs(nn.Module):
    """(x, y) -> (x w, the sum of both)."""

    def __init__(self):
        super().__init__()
        self.part = nn.Linear(2, 3)

    def forward(self, x, y):
        return self.part(x), x.sum() + y.sum()


def test_several_inputs_and_outputs():
    assert summary(TwoInputs(), [(1, 2), (5,)], verbose=0).rows[0].output_shape == [[1, 3], []]
    assert summary(TwoInputs(), input_data=(torch.ones(4, 2), torch.ones(1)), verbose=0).rows[1].output_shape == [4, 3]


def test_frozen_parameters_are_told_apart():
    net = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    result = summary(net, (1, 4), verbose=0)
    assert (result.trainable, result.frozen, result.parameters) == (6, 10, 16)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_network_is_left_as_it_was(mode):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    net.train()
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    summary(net, input_data=torch.randn(2, 1, 5, 5), mode=mode, verbose=0)
    assert [module.training for module in net.modules()] == [True, True, False, True]
    assert all(np.array_equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_hooks_are_gone_after_an_error():
    net = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="linear: x of shape"):
        summary(net, (1, 4), verbose=0)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_lazy_layers_get_their_shape():
    result = summary(nn.Sequential(nn.LazyLinear(3)), (1, 4), verbose=0)
    assert (result.parameters, result.rows[1].parameters) == (15, 15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "summary: give input_size, such as (1, 1, 28, 28), or input_data, and not both"),
        ({"input_size": (1, 3), "input_data": 1}, "summary: give input_size, such as (1, 1, 28, 28), or input_data"),
        ({"input_size": (1, 3), "mode": "test"}, "summary: mode='test'; choose 'eval' or 'train'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match="summary") as error:
        summary(nn.Linear(3, 2), **arguments)
    assert message in str(error.value)


def test_the_table(capsys):
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 200), nn.ReLU()), nn.Linear(200, 2))
    result = summary(net, (1, 3), depth=1, verbose=1)
    printed = capsys.readouterr().out
    assert printed == f"{result}\n"
    lines = [line.split() for line in printed.splitlines()]
    assert ["Sequential", "[1,", "2]", "--", "--"] in lines
    assert ["├─Sequential", "(0):", "1-1", "[1,", "200]", "800", "600"] in lines
    assert ["├─Linear", "(1):", "1-2", "[1,", "2]", "402", "400"] in lines
    assert "Total params: 1,202" in printed
    assert "Total mult-adds: 1,000" in printed
    assert not any("ReLU" in line for line in printed.splitlines())
    result.depth = 2
    assert ["│", "├─ReLU", "(1):", "2-2", "[1,", "200]", "--", "--"] in [
        line.split() for line in str(result).splitlines()
    ]
    assert len({len(line) for line in str(result).splitlines() if line.startswith(("├", "│"))}) == 1


def test_quiet(capsys):
    summary(nn.Linear(1, 1), (1, 1), verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("width", [60, 72, 80, 200])
def test_a_table_is_as_narrow_as_the_terminal(width):
    shown = text(summary(models.build("se_resnet18", {}), (1, 1, 32, 32), verbose=0), width)
    natural = text(summary(models.build("se_resnet18", {}), (1, 1, 32, 32), verbose=0))
    widest = max(map(len, natural.splitlines()))
    assert max(map(len, shown.splitlines())) <= max(width, 72)  # below that, the title of the first column is cut off
    words = [word for line in shown.splitlines() for word in re.split("[│ ├─]+", line) if word]
    whole = [word for line in natural.splitlines() for word in re.split("[│ ├─]+", line) if word]
    assert sorted(word for word in words if "=" not in word) == sorted(word for word in whole if "=" not in word)
    assert (shown == natural) == (width >= widest)


def test_only_a_terminal_limits_the_width(monkeypatch):
    monkeypatch.setattr(messages.shutil, "get_terminal_size", lambda: os.terminal_size((72, 24)))
    table = summary(models.build("se_resnet18", {}), (1, 1, 32, 32), verbose=0)
    assert str(table) == text(table)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert str(table) == text(table, 72)
