import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def loops(x, w, b, stride, padding, dilation, groups, mode):
    """A convolution by its definition; padding is (above, below, left, right)."""
    above, below, left, right = padding
    numpy_mode = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    x = np.pad(x, ((0, 0), (0, 0), (above, below), (left, right)), numpy_mode)
    (N, _, H, W), (O, I, KH, KW) = x.shape, w.shape
    OH = (H - dilation[0] * (KH - 1) - 1) // stride[0] + 1
    OW = (W - dilation[1] * (KW - 1) - 1) // stride[1] + 1
    y = np.zeros((N, O, OH, OW))
    for n, o, i, j in np.ndindex(y.shape):
        first = o // (O // groups) * I
        for c, k, m in np.ndindex(I, KH, KW):
            row, column = i * stride[0] + k * dilation[0], j * stride[1] + m * dilation[1]
            y[n, o, i, j] += w[o, c, k, m] * x[n, first + c, row, column]
    return y + b[:, None, None]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    ("padding", "widths"),
    [(1, (1, 1, 1, 1)), ((2, 0), (2, 2, 0, 0)), ("same", (1, 1, 0, 1)), ("valid", (0, 0, 0, 0))],
)
def test_padding_modes(mode, padding, widths, rng):
    layer = nn.Conv2d(1, 2, (3, 2), padding=padding, padding_mode=mode, dtype=torch.float64)
    x = rng.standard_normal((1, 1, 4, 3))
    w, b = (parameter.detach().numpy() for parameter in layer.parameters())
    expected = loops(x, w, b, (1, 1), widths, (1, 1), 1, mode)
    np.testing.assert_allclose(layer(torch.tensor(x)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_stride_dilation_and_groups(rng):
    layer = nn.Conv2d(2, 4, (2, 3), (2, 1), (1, 0), (1, 2), 2, dtype=torch.float64)
    x = rng.standard_normal((2, 2, 4, 6))
    w, b = (parameter.detach().numpy() for parameter in layer.parameters())
    expected = loops(x, w, b, (2, 1), (1, 1, 0, 0), (1, 2), 2, "zeros")
    np.testing.assert_allclose(layer(torch.tensor(x)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_same_padding_with_dilation_puts_the_odd_element_right_and_below():
    layer = nn.Conv2d(1, 1, 2, padding="same", dilation=3, padding_mode="circular")
    assert layer._widths() == [1, 2, 1, 2]
    assert layer(torch.ones(1, 1, 5, 4)).shape == (1, 1, 5, 4)


def test_first_values_are_uniform_within_one_over_root_of_the_inputs():
    layer = nn.Conv2d(8, 600, 5, groups=2)
    bound = 1 / np.sqrt(4 * 25)
    for parameter in (layer.weight, layer.bias):
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.98 * bound
        assert abs(values.std() - bound / np.sqrt(3)) < 0.04 * bound


def test_repr():
    assert repr(nn.Conv2d(1, 6, 5, padding=2)) == "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))"
    assert repr(nn.Conv2d(2, 4, (3, 2), 2, "valid", 3, 2, False, "reflect")) == (
        "Conv2d(2, 4, kernel_size=(3, 2), stride=(2, 2), padding=valid, dilation=(3, 3), groups=2, bias=False, "
        "padding_mode=reflect)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 2}, "Conv2d: groups=2 must be positive and divide in_channels=3 and out_channels=4"),
        ({"groups": 0}, "Conv2d: groups=0 must be positive and divide in_channels=3 and out_channels=4"),
        (
            {"padding_mode": "mirror"},
            "Conv2d: padding_mode='mirror'; choose one of 'zeros', 'reflect', 'replicate', 'circular'",
        ),
        ({"padding": "full"}, "Conv2d: padding='full'; choose 'same', 'valid', a number or a pair of numbers"),
        (
            {"padding": "same", "stride": 2},
            "Conv2d: padding='same' needs stride 1, got (2, 2); give the padding in numbers",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match="Conv2d") as error:
        nn.Conv2d(3, 4, 3, **options)
    assert str(error.value) == message


def test_a_wrong_number_of_channels_is_named():
    with pytest.raises(RuntimeError, match=r"x has 3 channels \(shape \(8, 3, 5, 5\)\) but weight expects 1"):
        nn.Conv2d(1, 2, 3)(torch.ones(8, 3, 5, 5))
