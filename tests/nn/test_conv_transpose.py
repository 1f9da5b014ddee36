import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import nn


def bilinear_kernel(in_channels, out_channels, kernel_size):
    """The filters that make a transposed convolution enlarge images bilinearly (Dive into Deep Learning, 14.11)."""
    center = (kernel_size - 1) / 2
    slope = 1 - abs(torch.arange(kernel_size) - center) / ((kernel_size + 1) // 2)
    weight = torch.zeros(in_channels, out_channels, kernel_size, kernel_size)
    for channel in range(min(in_channels, out_channels)):
        weight[channel, channel] = slope.reshape(-1, 1) * slope.reshape(1, -1)
    return weight


def test_bilinear_filters_enlarge_images_as_interpolation_does(rng):
    layer = nn.ConvTranspose2d(3, 3, kernel_size=4, stride=2, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(bilinear_kernel(3, 3, 4))
    x = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    y = layer(torch.tensor(x)).detach().numpy()
    assert y.shape == (2, 3, 8, 10)
    # (i + 1/2) / 2 - 1/2: pixel 1 of y lies a quarter of the way from pixel 0 of x to pixel 1, pixel 2 three quarters
    for oy, ox, fy, fx in ((1, 1, 0.25, 0.25), (1, 2, 0.25, 0.75), (2, 2, 0.75, 0.75)):
        rows = (1 - fy) * x[:, :, :-1] + fy * x[:, :, 1:]
        expected = (1 - fx) * rows[..., :-1] + fx * rows[..., 1:]
        np.testing.assert_allclose(y[:, :, oy : oy + 6 : 2, ox : ox + 8 : 2], expected, rtol=1e-5, atol=1e-6)


def test_output_size_chooses_among_the_sizes_that_a_stride_joins():
    layer, x = nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1), torch.ones(1, 2, 4, 5)
    assert layer(x).shape == (1, 3, 7, 9)
    assert layer(x, output_size=(8, 9)).shape == (1, 3, 8, 9)
    assert layer(x, (1, 3, 7, 10)).shape == (1, 3, 7, 10)
    assert layer(x[0], (3, 8, 10)).shape == (3, 8, 10)
    assert nn.Conv2d(3, 2, 3, stride=2, padding=1)(layer(x, [8, 10])).shape == x.shape


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((9, 9), r"output_size \(9, 9\) must lie between \(7, 9\) and \(8, 10\) for an input of shape \(1, 2, 4, 5\)"),
        ((8, 8), r"output_size \(8, 8\) must lie between \(7, 9\) and \(8, 10\)"),
        ((8,), r"output_size is \(8,\); give \(OH, OW\) or all 4 sizes of y"),
    ],
)
def test_an_output_size_that_cannot_be_is_refused(size, message):
    with pytest.raises(ValueError, match=message):
        nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)(torch.ones(1, 2, 4, 5), output_size=size)


def test_first_values_are_uniform_within_one_over_root_of_the_outputs():
    layer = nn.ConvTranspose2d(300, 8, 5, groups=2)
    bound = 1 / np.sqrt(4 * 25)
    assert layer.weight.shape == (300, 4, 5, 5)
    values = layer.weight.detach().numpy()
    assert 0.98 * bound < np.abs(values).max() <= bound
    assert abs(values.std() - bound / np.sqrt(3)) < 0.04 * bound
    assert np.abs(layer.bias.detach().numpy()).max() <= bound


def test_repr():
    assert repr(nn.ConvTranspose2d(4, 6, 3)) == "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(nn.ConvTranspose2d(4, 6, 3, 2, (1, 0), 1, 2, False, 2)) == (
        "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), dilation=(2, 2), "
        "output_padding=(1, 1), groups=2, bias=False)"
    )


@pytest.mark.parametrize("groups", [0, 2])
def test_groups_that_do_not_divide_are_refused(groups):
    with pytest.raises(
        ValueError, match=f"groups={groups} must be positive and divide in_channels=4 and out_channels=3"
    ):
        nn.ConvTranspose2d(4, 3, 3, groups=groups)


def test_only_zeros_pad():
    with pytest.raises(ValueError, match="ConvTranspose2d: padding_mode='reflect'; only 'zeros' can be turned round"):
        nn.ConvTranspose2d(4, 3, 3, padding_mode="reflect")


def test_lazy():
    layer = nn.LazyConvTranspose2d(6, 3, stride=2, groups=2, bias=False)
    assert repr(layer) == "LazyConvTranspose2d(0, 6, kernel_size=(3, 3), stride=(2, 2), groups=2, bias=False)"
    assert layer(torch.ones(1, 4, 2, 2), output_size=(6, 5)).shape == (1, 6, 6, 5)
    assert type(layer) is nn.ConvTranspose2d
    assert repr(layer) == "ConvTranspose2d(4, 6, kernel_size=(3, 3), stride=(2, 2), groups=2, bias=False)"
    assert layer.weight.shape == (4, 3, 3, 3)
    layer = nn.LazyConvTranspose2d(3, 2)
    layer(torch.ones(2, 4, 4))
    assert layer.bias.shape == (3,)
    with pytest.raises(RuntimeError, match="groups=2 must divide the 3 channels of x"):
        nn.LazyConvTranspose2d(4, 3, groups=2)(torch.ones(1, 3, 4, 4))
    with pytest.raises(RuntimeError, match=r"x has shape \(4, 4\) but must be \(N, C, H, W\)"):
        nn.LazyConvTranspose2d(4, 3)(torch.ones(4, 4))
    with pytest.raises(ValueError, match="groups=2 must divide out_channels=3"):
        nn.LazyConvTranspose2d(3, 3, groups=2)
