"""What a view shows: the bytes of `resample`, and of these a part; where the next batch begins."""

import numpy as np
import pytest

from minitorch_kernels import gather_images, gather_labels, resample
from minitorch_kernels.images.gather import windows

BYTES = np.arange(256, dtype=np.float32)[None]  # a byte becomes the number it is


def shown(images, view, resized, size):
    """What one view of a single image shows, as whole numbers."""
    tables = (windows(old, new) for old, new in zip(images.shape[2:], resized))
    tones = np.tile(BYTES, (images.shape[1], 1))
    return gather_images(images, np.array([0]), np.array([0]), np.array([view]), *tables, tones, 1, size)[0]


@pytest.mark.parametrize("size", [(7, 5), (3, 2), (12, 9), (1, 1), (7, 11), (5, 3)])
def test_the_bytes_of_a_box_are_those_of_resample(rng, size):
    images = rng.integers(0, 256, (1, 2, 7, 5)).astype(np.uint8)
    for height in range(1, 8):
        for width in range(1, 6):
            box = rng.integers(0, 8 - height), rng.integers(0, 6 - width), height, width
            expected = resample(images, np.array([box]), size)[0]
            np.testing.assert_array_equal(shown(images, [*box, 0, 1, 0, 1], size, size), expected)


def test_a_view_is_moved_mirrored_and_black_beyond_the_edges():
    images = np.arange(1, 7, dtype=np.uint8).reshape(1, 1, 2, 3)
    whole = [0, 0, 2, 3]
    assert shown(images, [*whole, -1, 1, 1, 1], (2, 3), (2, 3))[0].tolist() == [[0, 0, 0], [2, 3, 0]]
    assert shown(images, [*whole, 1, -1, 2, -1], (2, 3), (2, 3))[0].tolist() == [[6, 5, 4], [3, 2, 1]]
    assert shown(images, [*whole, 0, 1, 3, -1], (2, 3), (1, 5))[0].tolist() == [[0, 3, 2, 1, 0]]


def test_black_is_the_number_of_byte_0():
    tones = np.array([[7.0] + [1.0] * 255, [8.0] + [2.0] * 255])
    args = np.ones((1, 2, 1, 1), np.uint8), np.array([0]), np.array([0]), np.array([[0, 0, 1, 1, 0, 1, -1, 1]])
    assert gather_images(*args, windows(1, 1), windows(1, 1), tones, 1, (1, 2)).tolist() == [[[[7, 1]], [[8, 2]]]]


def test_windows_begin_with_a_weight_that_is_not_0():
    """Rounding lets the window of cell 3 of 5, out of 7 cells, begin one cell too early."""
    first, weight, *_ = windows(7, 5)[6, 3]
    assert (first, weight > 0) == (4, True)


def test_windows_that_resize_nothing_have_one_weight():
    assert windows(1, 1).tolist() == [[[0, 1 << 22]]]
    assert windows(4, 4)[3, :, :2].tolist() == [[j, 1 << 22] for j in range(4)]
    assert not windows(4, 4)[3, :, 2:].any()


def test_the_order_starts_again_behind_its_last_batch():
    order, position = np.array([4, 3, 2, 1, 0]), np.array([0])
    batches = [gather_labels(np.arange(10, 15), order, position, 2, 4).tolist() for _ in range(3)]
    assert batches == [[14, 13], [12, 11], [14, 13]]
