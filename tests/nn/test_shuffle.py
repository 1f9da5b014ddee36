import pytest

import minitorch_cv as torch
from minitorch_cv import nn


@pytest.mark.parametrize(
    ("layer", "shape", "expected", "text"),
    [
        (nn.ChannelShuffle(2), (1, 4, 1, 1), [[[[0]], [[2]], [[1]], [[3]]]], "ChannelShuffle(groups=2)"),
        (nn.PixelShuffle(2), (1, 4, 1, 1), [[[[0, 1], [2, 3]]]], "PixelShuffle(upscale_factor=2)"),
        (nn.PixelUnshuffle(2), (1, 1, 2, 2), [[[[0]], [[1]], [[2]], [[3]]]], "PixelUnshuffle(downscale_factor=2)"),
    ],
)
def test_layers(layer, shape, expected, text):
    assert layer(torch.arange(4.0).reshape(shape)).tolist() == expected
    assert repr(layer) == text
