"""Samples into batches."""

from collections import namedtuple

import numpy as np
import pytest

from minitorch_cv.data import ToTensor, default_collate
from minitorch_cv.tensor import Tensor

Pair = namedtuple("Pair", "x y")


@pytest.mark.parametrize("wrap", [Tensor, np.asarray])
def test_arrays_and_tensors_are_stacked(wrap):
    batch = default_collate([wrap(np.full((2, 3), i, np.float32)) for i in range(4)])
    assert isinstance(batch, Tensor)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch.numpy(), np.arange(4)[:, None, None] * np.ones((2, 3)))


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [([1, 2], "int64"), ([1.5, 2.0], "float64"), ([True, False], "bool"), ([np.float32(1), np.float32(2)], "float32")],
)
def test_numbers(samples, dtype):
    batch = default_collate(samples)
    assert batch.dtype == dtype
    assert batch.numpy().tolist() == samples


def test_nested():
    sample = {"image": np.zeros(3), "boxes": (1, [2.0, "cat"]), "pair": Pair(1, 2)}
    batch = default_collate([sample, sample])
    assert batch["image"].shape == (2, 3)
    count, (score, name) = batch["boxes"]
    assert count.numpy().tolist() == [1, 1]
    assert score.numpy().tolist() == [2.0, 2.0]
    assert name == ["cat", "cat"]
    assert batch["pair"].y.numpy().tolist() == [2, 2]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"differ in shape: \[\(2,\), \(3,\)\]; resize or pad"):
        default_collate([np.zeros(3), np.zeros(2)])
    with pytest.raises(ValueError, match=r"different numbers of entries: \[1, 2\]"):
        default_collate([(1, 2), (1,)])


def test_an_image_needs_a_transform():
    Image = pytest.importorskip("PIL.Image")
    image = Image.new("RGB", (4, 6), (255, 0, 51))
    with pytest.raises(TypeError, match=r"cannot stack samples of type Image; .*transform=ToTensor\(\)"):
        default_collate([image])
    tensor = ToTensor()(image)
    assert tensor.shape == (3, 6, 4)
    np.testing.assert_array_equal(tensor.numpy()[:, 0, 0], np.array([1, 0, 0.2], np.float32))
