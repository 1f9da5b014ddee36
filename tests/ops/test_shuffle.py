import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, distinct, reversed_memory


def test_channels_are_dealt_out_in_turn():
    x = mt.arange(6).reshape(1, 6, 1)
    assert F.channel_shuffle(x, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert F.channel_shuffle(x, 3).flatten().tolist() == [0, 2, 4, 1, 3, 5]


def pixels_by_loops(x, r):
    *lead, C, H, W = x.shape
    y = np.empty((*lead, C // r**2, H * r, W * r))
    for c, i, j in np.ndindex(y.shape[-3:]):
        y[..., c, i, j] = x[..., c * r**2 + i % r * r + j % r, i // r, j // r]
    return y


@pytest.mark.parametrize("shape", [(2, 8, 3, 2), (4, 1, 2), (3, 2, 4, 2, 2), (0, 4, 2, 2)], ids=str)
@pytest.mark.parametrize("memory", [np.ascontiguousarray, batch_last, reversed_memory])
def test_channels_become_pixels_and_back(rng, shape, memory):
    x = rng.normal(size=shape)
    y = F.pixel_shuffle(mt.Tensor(memory(x)), 2)
    np.testing.assert_array_equal(y.numpy(), pixels_by_loops(x, 2))
    np.testing.assert_array_equal(F.pixel_unshuffle(y, 2).numpy(), x)


@pytest.mark.parametrize("memory", [np.ascontiguousarray, batch_last, reversed_memory])
def test_channel_shuffle_of_any_memory(rng, memory):
    x = rng.normal(size=(3, 6, 2, 4))
    y = F.channel_shuffle(mt.Tensor(memory(x)), 2)
    np.testing.assert_array_equal(y.numpy(), x[:, [0, 3, 1, 4, 2, 5]])


def test_gradients(rng):
    assert_gradients(lambda x: F.channel_shuffle(x, 2), distinct(rng, 2, 6, 2))
    assert_gradients(lambda x: F.pixel_shuffle(x, 2), distinct(rng, 2, 4, 2, 3))
    assert_gradients(lambda x: F.pixel_unshuffle(x, 2), distinct(rng, 2, 1, 4, 2))


def test_batch_last_memory_stays_batch_last(rng):
    x = mt.Tensor(batch_last(rng.normal(size=(5, 4, 2, 2))), requires_grad=True)
    for y in (F.channel_shuffle(x, 2), F.pixel_shuffle(x, 2), F.pixel_unshuffle(x, 2)):
        assert y.stride()[0] == 1
        x.grad = None
        y.backward(mt.Tensor(batch_last(rng.normal(size=y.shape))))
        assert x.grad.stride()[0] == 1


def test_the_result_is_a_copy():
    x = mt.zeros(1, 2, 1, 1)
    for y in (F.channel_shuffle(x, 1), F.pixel_shuffle(x, 1), F.pixel_unshuffle(x, 1)):
        y += 1
    assert x.tolist() == [[[[0]], [[0]]]]


REFUSED = [
    (F.channel_shuffle, (6, 4), 2, r"channel_shuffle: x has shape \(6, 4\) but must be \(N, C, ...\) with 3 axes"),
    (F.channel_shuffle, (1, 6, 4), 4, r"channel_shuffle: groups=4 must be positive and divide the 6 channels of x"),
    (F.channel_shuffle, (1, 6, 4), 0, r"channel_shuffle: groups=0 must be positive"),
    (F.pixel_shuffle, (8, 2), 2, r"pixel_shuffle: x has shape \(8, 2\) but must be \(..., C, H, W\)"),
    (F.pixel_shuffle, (6, 2, 2), 2, r"pixel_shuffle: the 6 channels of x .* must be a multiple of upscale_factor² = 4"),
    (F.pixel_shuffle, (6, 2, 2), 0, r"pixel_shuffle: upscale_factor=0 must be positive"),
    (F.pixel_unshuffle, (1, 4, 3), 2, r"pixel_unshuffle: downscale_factor=2 must divide the height and the width"),
    (F.pixel_unshuffle, (1, 3, 4), 2, r"pixel_unshuffle: downscale_factor=2 must divide .* \(shape \(1, 3, 4\)\)"),
    (F.pixel_unshuffle, (4, 4), 2, r"pixel_unshuffle: x has shape \(4, 4\)"),
    (F.pixel_unshuffle, (1, 4, 4), -1, r"pixel_unshuffle: downscale_factor=-1 must be positive"),
]


@pytest.mark.parametrize(("operation", "shape", "factor", "text"), REFUSED)
def test_what_does_not_fit_is_refused(operation, shape, factor, text):
    with pytest.raises(RuntimeError, match=text):
        operation(mt.zeros(shape), factor)
