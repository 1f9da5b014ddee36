"""Noise of the mean and spread asked for."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import GaussianNoise


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_mean_and_spread_are_in_units_of_the_range(rng, dtype):
    top = 255 if dtype == np.uint8 else 1
    images = np.full((100, 1, 10, 10), top // 2 if dtype == np.uint8 else 0.5, dtype)
    noise = (GaussianNoise(0.1, 0.05).batch(images, rng).astype(np.float64) - images) / top
    assert abs(noise.mean() - 0.1) < 4 * 0.05 / 100
    assert abs(noise.std() - 0.05) < 4 * 0.05 / 2**0.5 / 100
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.4


def test_clip(rng):
    for dtype, top in ((np.uint8, 255), (np.float32, 1)):
        out = GaussianNoise(sigma=5).batch(np.full((4, 1, 9, 9), top / 2).astype(dtype), rng)
        assert (out.min(), out.max()) == (0, top)
    assert GaussianNoise(sigma=5, clip=False).batch(np.zeros((4, 1, 9, 9)), rng).max() > 2


def test_bytes_are_rounded_to_the_nearest(rng):
    images = np.full((1, 1, 1, 3), 100, np.uint8)
    assert GaussianNoise(0.7 / 255, 0).batch(images, rng).ravel().tolist() == [101] * 3
    assert GaussianNoise(-0.7 / 255, 0).batch(images, rng).ravel().tolist() == [99] * 3


def test_what_is_refused():
    with pytest.raises(ValueError, match="sigma=-1 is a standard deviation; choose 0 or more"):
        GaussianNoise(sigma=-1)
