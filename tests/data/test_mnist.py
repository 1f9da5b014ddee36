"""MNIST: FashionMNIST's code with other files and no built-in subset."""

from dataclasses import replace

import numpy as np
import pytest

from minitorch_cv.data import MNIST, DataError, FashionMNIST
from minitorch_cv.data.published import TRAIN_IMAGES, TRAIN_LABELS


@pytest.fixture
def digits(monkeypatch, tiny):
    """The tiny copy passes for MNIST."""
    monkeypatch.setattr(MNIST, "published", replace(MNIST.published, contents=tiny.contents))
    return tiny


@pytest.mark.parametrize("layout", [".", "MNIST/raw"])
def test_images_and_labels(digits, tmp_path, layout):
    digits.write(tmp_path / layout)
    dataset = MNIST(tmp_path)
    np.testing.assert_array_equal(dataset.arrays()[0], digits.arrays[TRAIN_IMAGES])
    np.testing.assert_array_equal(dataset.arrays()[1], digits.arrays[TRAIN_LABELS])
    assert dataset.class_to_idx["7 - seven"] == 7
    assert dataset.fetch_batch([1, 2])[0].shape == (2, 1, 28, 28)


def test_torchvisions_place_goes_before_files_of_the_same_name(digits, tmp_path):
    digits.write(tmp_path / "MNIST" / "raw")
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"another data set's")
    assert len(MNIST(tmp_path)) == 20


def test_the_cache_has_a_folder_of_its_own(tiny, cache, monkeypatch):
    monkeypatch.setattr(MNIST, "published", replace(MNIST.published, contents=tiny.contents))
    tiny.write(cache)
    with pytest.raises(DataError, match="MNIST was not found"):
        MNIST()
    tiny.write(cache.parent / "mnist")
    assert MNIST().source == str(cache.parent / "mnist")


def test_nowhere_found_says_where_to_get_it():
    with pytest.raises(
        DataError,
        match=r"^MNIST was not found .*: fetch train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
        r"t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz from https://",
    ):
        MNIST()


def test_fashion_mnists_files_are_not_mnists(tiny, tmp_path):
    with pytest.raises(DataError, match=r"shape \(20, 28, 28\) but train-images-idx3-ubyte of MNIST has \(60000, 28"):
        MNIST(tiny.write(tmp_path))
    assert len(FashionMNIST(tmp_path)) == 20
