import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = torch.tensor([[[[1.0, 2.0, 3.0]]]])


@pytest.mark.parametrize(
    ("layer", "expected", "text"),
    [
        (nn.ZeroPad2d((1, 0, 0, 1)), [[0, 1, 2, 3], [0, 0, 0, 0]], "ZeroPad2d((1, 0, 0, 1))"),
        (
            nn.ConstantPad2d((0, 1, 1, 0), 7.0),
            [[7, 7, 7, 7], [1, 2, 3, 7]],
            "ConstantPad2d(padding=(0, 1, 1, 0), value=7.0)",
        ),
        (nn.ReflectionPad2d((2, 1, 0, 0)), [[3, 2, 1, 2, 3, 2]], "ReflectionPad2d((2, 1, 0, 0))"),
        (nn.ReplicationPad2d(1), [[1, 1, 2, 3, 3]] * 3, "ReplicationPad2d((1, 1, 1, 1))"),
        (nn.CircularPad2d((2, 1, 0, 0)), [[2, 3, 1, 2, 3, 1]], "CircularPad2d((2, 1, 0, 0))"),
    ],
)
def test_padding(layer, expected, text):
    assert layer(X)[0, 0].tolist() == expected
    assert repr(layer) == text
