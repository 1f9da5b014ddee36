"""Mirror images."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import RandomHorizontalFlip, RandomVerticalFlip


@pytest.mark.parametrize(("flip", "axis"), [(RandomHorizontalFlip, 3), (RandomVerticalFlip, 2)])
def test_the_drawn_images_are_mirrored_and_no_others(rng, flip, axis):
    images = rng.integers(0, 256, (20, 2, 3, 4)).astype(np.uint8)
    mirrored = flip().draw(20, np.random.default_rng(3))
    assert 0 < mirrored.sum() < 20
    out = flip().batch(images, np.random.default_rng(3))
    expected = np.where(mirrored[:, None, None, None], np.flip(images, axis), images)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("flip", [RandomHorizontalFlip, RandomVerticalFlip])
def test_probability(flip):
    for p in (0, 0.25, 1):
        share = flip(p).draw(4000, np.random.default_rng(0)).mean()
        assert abs(share - p) < 4 * (p * (1 - p) / 4000) ** 0.5 + 1e-9
    with pytest.raises(ValueError, match=f"{flip.__name__}: p=1.5 is not a probability"):
        flip(1.5)
