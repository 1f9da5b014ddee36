"""(x - mean) / std."""

import numpy as np
import pytest

from minitorch_cv.data.transforms import Normalize


def test_each_channel_has_its_own_numbers():
    images = np.array([1.0, 2, 3]).reshape(1, 3, 1, 1).astype(np.float32)
    out = Normalize([0, 1, 1], [2, 0.5, 4]).batch(images)
    assert out.dtype == np.float32
    assert out.ravel().tolist() == [0.5, 2, 0.5]


def test_one_number_serves_all_channels():
    assert Normalize([1], [2])(np.full((2, 1, 1), 4.0)).numpy().ravel().tolist() == [1.5, 1.5]


def test_what_is_refused():
    images = np.zeros((2, 1, 4, 4), np.float32)
    with pytest.raises(ValueError, match=r"have 1 channels .* but mean has 3 values \[0.1, 0.2, 0.3\]; give 1"):
        Normalize([0.1, 0.2, 0.3], [1]).batch(images)
    with pytest.raises(ValueError, match=r"but std has 2 values"):
        Normalize([0], [1, 2]).batch(images)
    with pytest.raises(ValueError, match=r"std \[1.0, 0.0\] divides by zero"):
        Normalize([0, 0], [1, 0])
    with pytest.raises(TypeError, match=r"takes floats, got uint8; put ToTensor\(\) before it"):
        Normalize([0], [1]).batch(images.astype(np.uint8))
