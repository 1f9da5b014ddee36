"""What moves and resamples pixels, against PyTorch: outputs and all gradients over grids of shapes and options."""

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import compare, torch

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


# -- channels and pixels in other places -------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (1, 6, 4), (2, 6, 2, 2, 2), (0, 6, 2, 2)], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_channel_shuffle(shape, groups, dtype):
    compare(lambda t, x: t.nn.functional.channel_shuffle(x, groups), normal(*shape, dtype=dtype))


@DTYPES
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("r", [1, 2, 3])
def test_pixel_shuffle(lead, r, dtype):
    small, large = normal(*lead, 2 * r**2, 2, 3, dtype=dtype), normal(*lead, 2, 2 * r, 3 * r, dtype=dtype)
    compare(lambda t, x: t.nn.functional.pixel_shuffle(x, r), small)
    compare(lambda t, x: t.nn.functional.pixel_unshuffle(x, r), large)


def test_shuffles_of_memory_in_other_orders():
    x = normal(4, 3, 2, 8)
    compare(lambda t, x: t.nn.functional.channel_shuffle(x.permute(2, 3, 0, 1), 4), x)
    compare(lambda t, x: t.nn.functional.pixel_shuffle(x.permute(2, 3, 0, 1), 2), x)
    compare(lambda t, x: t.nn.functional.pixel_unshuffle(x[:, :, :, ::2].permute(1, 2, 0, 3), 2), x)


@pytest.mark.parametrize(
    ("name", "shape", "factor"),
    [
        ("channel_shuffle", (2, 6), 2),
        ("channel_shuffle", (2, 6, 4), 4),
        ("channel_shuffle", (2, 6, 4), 0),
        ("pixel_shuffle", (4, 4), 2),
        ("pixel_shuffle", (6, 4, 4), 2),
        ("pixel_shuffle", (4, 4, 4), -2),
        ("pixel_unshuffle", (4, 4), 2),
        ("pixel_unshuffle", (1, 3, 4), 2),
        ("pixel_unshuffle", (1, 4, 4), 0),
    ],
)
def test_shuffles_refuse_what_pytorch_refuses(name, shape, factor):
    for t in (torch, mt):
        with pytest.raises(RuntimeError):
            getattr(t.nn.functional, name)(t.zeros(shape), factor)
