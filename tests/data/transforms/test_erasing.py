"""Images with a hole."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import RandomErasing


def test_the_drawn_boxes_are_overwritten_and_nothing_else(rng):
    images = rng.integers(0, 200, (12, 3, 9, 8)).astype(np.uint8)
    erase = RandomErasing(0.7, value=(201, 202, 203))
    boxes = erase.draw(12, 9, 8, np.random.default_rng(1))
    assert 0 < (boxes[:, 2] == 0).sum() < 12
    expected = images.copy()
    for image, (top, left, height, width) in zip(expected, boxes):
        for channel in range(3):
            image[channel, top : top + height, left : left + width] = 201 + channel
    np.testing.assert_array_equal(erase.batch(images, np.random.default_rng(1)), expected)


def test_boxes_have_the_wanted_area_and_ratio():
    erase = RandomErasing(0.25, scale=(0.1, 0.3), ratio=(0.5, 2))
    top, left, height, width = erase.draw(8000, 1000, 1000, np.random.default_rng(0)).T
    erased = height > 0
    assert abs(erased.mean() - 0.25) < 4 * (0.25 * 0.75 / 8000) ** 0.5
    share, ratio = (height * width)[erased] / 1e6, np.log2(height[erased] / width[erased])
    for values, low, high in ((share, 0.1, 0.3), (ratio, -1, 1)):
        assert values.min() > low - 0.01
        assert values.max() < high + 0.01
        assert abs(values.mean() - (low + high) / 2) < 4 * (high - low) / 12**0.5 / len(values) ** 0.5
    for start, length in ((top[erased], height[erased]), (left[erased], width[erased])):
        assert abs((start / (1000 - length)).mean() - 0.5) < 4 / 12**0.5 / len(start) ** 0.5


def test_tall_boxes_for_large_ratios():
    _, _, height, width = RandomErasing(1, ratio=(3, 3.3)).draw(50, 100, 100, np.random.default_rng(0)).T
    assert (height > 2 * width).all()


def test_random_values_are_normal_and_different(rng):
    images = np.full((200, 1, 20, 20), 9, np.float32)
    out = RandomErasing(1, value="random").batch(images, rng)
    noise = out[out != 9]
    assert abs(noise.mean()) < 4 / len(noise) ** 0.5
    assert abs(noise.std() - 1) < 4 / (2 * len(noise)) ** 0.5
    assert len(np.unique(noise)) > 0.9 * len(noise)


def test_nothing_is_erased_where_no_box_fits(rng):
    images = rng.random((5, 1, 1, 30))
    np.testing.assert_array_equal(RandomErasing(1, (0.9, 1)).batch(images, rng), images)


def test_what_is_refused(rng):
    with pytest.raises(ValueError, match="value 'noise' is neither a number nor 'random'"):
        RandomErasing(value="noise")
    with pytest.raises(ValueError, match="RandomErasing: p=-1 is not a probability"):
        RandomErasing(-1)
    with pytest.raises(ValueError, match=r"RandomErasing: scale \(0, 2\) is no range .* between 0 and 1"):
        RandomErasing(scale=(0, 2))
    with pytest.raises(TypeError, match=r"value='random' needs floats, got uint8; put ToTensor\(\) before it"):
        RandomErasing(value="random").batch(np.zeros((1, 1, 2, 2), np.uint8), rng)
