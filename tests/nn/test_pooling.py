import pytest

import minitorch_cv as torch
from minitorch_cv import nn

X = torch.arange(16.0).reshape(1, 1, 4, 4)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.MaxPool2d(2), [[5, 7], [13, 15]]),
        (nn.MaxPool2d(3, ceil_mode=True), [[10, 11], [14, 15]]),
        (nn.MaxPool2d(2, 1, 0, 2), [[10, 11], [14, 15]]),
        (nn.MaxPool2d((1, 4), (2, 4)), [[3], [11]]),
        (nn.AvgPool2d(2), [[2.5, 4.5], [10.5, 12.5]]),
        (nn.AvgPool2d(4, 4, 2), [[2.5 / 4, 4.5 / 4], [10.5 / 4, 12.5 / 4]]),
        (nn.AvgPool2d(4, 4, 2, count_include_pad=False), [[2.5, 4.5], [10.5, 12.5]]),
        (nn.AvgPool2d(3, ceil_mode=True), [[5, 7], [13, 15]]),
        (nn.AvgPool2d(2, divisor_override=1), [[10, 18], [42, 50]]),
        (nn.AdaptiveAvgPool2d(1), [[7.5]]),
        (nn.AdaptiveAvgPool2d((None, 1)), [[1.5], [5.5], [9.5], [13.5]]),
        (nn.AdaptiveMaxPool2d((1, 2)), [[13, 15]]),
    ],
    ids=repr,
)
def test_pooling(layer, expected):
    assert layer(X)[0, 0].tolist() == expected


def test_indices():
    y, positions = nn.MaxPool2d(2, return_indices=True)(X)
    assert positions.tolist() == [[[[5, 7], [13, 15]]]]
    assert positions.dtype == torch.int64
    y, positions = nn.AdaptiveMaxPool2d(1, return_indices=True)(X)
    assert (y.item(), positions.item()) == (15, 15)


def test_fold_undoes_unfold_where_windows_do_not_overlap():
    columns = nn.Unfold(2, stride=2)(X)
    assert columns.shape == (1, 4, 4)
    assert columns[0, :, 0].tolist() == [0, 1, 4, 5]
    assert nn.Fold(4, 2, stride=2)(columns).tolist() == X.tolist()
    assert nn.Unfold(2, dilation=3)(X)[0, :, 0].tolist() == [0, 3, 12, 15]
    assert nn.Unfold(2, padding=1, stride=4)(X)[0, :, 0].tolist() == [0, 0, 0, 0]
    assert nn.Fold(4, 2, padding=1, dilation=3, stride=2)(torch.ones(1, 4, 4)).shape == (1, 1, 4, 4)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"),
        (nn.AvgPool2d((3, 2), 1), "AvgPool2d(kernel_size=(3, 2), stride=1, padding=0)"),
        (nn.AdaptiveAvgPool2d((None, 3)), "AdaptiveAvgPool2d(output_size=(None, 3))"),
        (nn.AdaptiveMaxPool2d(1), "AdaptiveMaxPool2d(output_size=1)"),
        (nn.Unfold(2), "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"),
        (nn.Fold(4, 2), "Fold(output_size=4, kernel_size=2, dilation=1, padding=0, stride=1)"),
    ],
)
def test_repr(layer, text):
    assert repr(layer) == text
