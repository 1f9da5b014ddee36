"""Bytes into floats."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import ToTensor


def test_bytes_are_divided_and_other_types_kept():
    assert ToTensor()(np.array([[0, 51, 255]], np.uint8)).numpy().tolist() == [[[0, np.float32(0.2), 1]]]
    kept = ToTensor()(np.array([[0.5]], np.float64))
    assert kept.dtype == np.float64
    assert kept.numpy().tolist() == [[[0.5]]]


def test_channels_come_first():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    tensor = ToTensor()(image).numpy()
    assert tensor.shape == (3, 2, 4)
    np.testing.assert_array_equal(tensor[1], image[:, :, 1] / np.float32(255))


def test_a_pil_image(rng):
    image = pytest.importorskip("PIL.Image").fromarray(np.full((2, 3), 255, np.uint8))
    assert ToTensor()(image).numpy().tolist() == [[[1.0] * 3] * 2]


def test_what_is_no_image():
    with pytest.raises(ValueError, match=r"an image has shape \(H, W\) or \(H, W, C\), got \(3,\)"):
        ToTensor()(np.zeros(3))
