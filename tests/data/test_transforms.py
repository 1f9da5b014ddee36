"""Images into tensors; that a batch is its images one by one stands in test_fashion_mnist.py."""

import numpy as np
import pytest

from minitorch_cv.data import Compose, Resize, ToTensor


def test_to_tensor_divides_bytes_and_keeps_other_types():
    assert ToTensor()(np.array([[0, 51, 255]], np.uint8)).numpy().tolist() == [[[0, np.float32(0.2), 1]]]
    assert ToTensor()(np.array([[0.5]], np.float64)).dtype == np.float64
    with pytest.raises(ValueError, match=r"an image has shape \(H, W\) or \(H, W, C\), got \(3,\)"):
        ToTensor()(np.zeros(3))


@pytest.mark.parametrize(
    ("size", "shape", "target"),
    [(14, (28, 28), (14, 14)), (10, (20, 40), (10, 20)), (10, (40, 20), (20, 10)), ((5, 7), (9, 9), (5, 7))],
)
def test_resize_target(size, shape, target):
    image = pytest.importorskip("PIL.Image").fromarray(np.zeros(shape, np.uint8))
    resized = Resize(size)(image)
    assert (resized.height, resized.width) == target
    assert Resize(size).batch(np.zeros((2, 3, *shape), np.uint8)).shape == (2, 3, *target)


def test_resize_is_bilinear_with_smoothing():
    step = np.repeat(np.array([[0, 0, 200, 200]], np.uint8), 4, axis=0)
    halved = Resize((2, 2)).batch(step[None, None])[0, 0]
    assert halved[0, 0] + halved[0, 1] == 200  # symmetric about the step
    assert 0 < halved[0, 0] < 100  # the triangle of width 2 reaches over it


def test_compose():
    assert Compose([lambda x: x + 1, lambda x: x * 2])(3) == 8
