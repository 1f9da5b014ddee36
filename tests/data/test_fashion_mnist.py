"""The data set: its samples, its batches, and the subset shipped with the package."""

from pathlib import Path

import numpy as np
import pytest

import minitorch_cv.data.embedded as embedded
from minitorch_cv.data import (
    Compose,
    DataError,
    DataLoader,
    FashionMNIST,
    Resize,
    Subset,
    ToTensor,
    load_data_fashion_mnist,
    sources,
)
from minitorch_cv.data.published import FASHION_MNIST, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS

SYSTEM_FOLDERS = sources.SYSTEM_FOLDERS  # as they are before the fixtures hide them


@pytest.fixture
def dataset(tmp_path, tiny):
    return FashionMNIST(tiny.write(tmp_path / "copy"))


def test_samples_are_torchvisions(dataset, tiny):
    image, label = dataset[3]
    assert image.size == (28, 28)
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), tiny.arrays[TRAIN_IMAGES][3])
    assert type(label) is int
    assert label == tiny.arrays[TRAIN_LABELS][3]
    assert len(dataset) == 20
    assert dataset.data.shape == (20, 28, 28)
    assert dataset.data.dtype == np.uint8
    assert dataset.targets.dtype == np.int64
    assert dataset.class_to_idx["Ankle boot"] == 9
    assert len(list(dataset)) == 20  # iteration ends by IndexError
    assert "20 images" in repr(dataset)


def test_transforms_of_samples(tmp_path, tiny):
    dataset = FashionMNIST(tiny.write(tmp_path), True, lambda image: image.size, lambda label: label + 100)
    assert dataset[2] == ((28, 28), tiny.arrays[TRAIN_LABELS][2] + 100)


def test_arrays_share_memory(dataset):
    images, labels = dataset.arrays()
    assert images.shape == (20, 28, 28)
    assert labels.shape == (20,)
    images[0, 0, 0] ^= 255
    assert dataset.data.numpy()[0, 0, 0] == images[0, 0, 0]


def test_batches_are_float32_in_0_to_1(dataset, tiny):
    rows = [4, 19, 0]
    x, y = dataset.fetch_batch(rows)
    assert x.shape == (3, 1, 28, 28)
    assert x.dtype == np.float32
    assert y.dtype == np.int64
    np.testing.assert_array_equal(x.numpy()[:, 0], tiny.arrays[TRAIN_IMAGES][rows].astype(np.float32) / np.float32(255))
    np.testing.assert_array_equal(y.numpy(), tiny.arrays[TRAIN_LABELS][rows])


def test_batches_lie_batch_last(dataset):
    x, _ = dataset.fetch_batch([1, 2, 3])
    assert np.moveaxis(x.numpy(), 0, -1).flags.c_contiguous


@pytest.mark.parametrize(
    "transform",
    [ToTensor(), Compose([ToTensor()]), Compose([Resize(14), ToTensor()]), Compose([Resize((9, 40)), ToTensor()])],
)
def test_a_batch_is_its_samples_stacked(dataset, transform):
    dataset.transform = transform
    x, y = dataset.fetch_batch(np.arange(5))
    for i in range(5):
        image, label = dataset[i]
        np.testing.assert_array_equal(x.numpy()[i], image.numpy())
        assert y.numpy()[i] == label


def test_a_transform_of_ones_own_gets_every_image(dataset):
    dataset.transform = lambda image: np.float32(np.asarray(image).mean())
    dataset.target_transform = lambda label: label % 2
    x, y = dataset.fetch_batch([0, 1])
    np.testing.assert_allclose(x.numpy(), dataset.arrays()[0][:2].mean((1, 2)), rtol=1e-6)
    np.testing.assert_array_equal(y.numpy(), dataset.arrays()[1][:2] % 2)


def test_a_subclass_of_a_transform_is_called(dataset):
    class Inverted(ToTensor):
        def __call__(self, image):
            return ToTensor()(255 - np.asarray(image))

    dataset.transform = Inverted()
    x, _ = dataset.fetch_batch([7])
    np.testing.assert_array_equal(x.numpy()[0, 0], (255 - dataset.arrays()[0][7]) / np.float32(255))


def test_target_transform_alone_keeps_whole_batches(dataset):
    dataset.target_transform = lambda label: label * 10
    x, y = dataset.fetch_batch([0, 1])
    assert x.shape == (2, 1, 28, 28)
    np.testing.assert_array_equal(y.numpy(), dataset.arrays()[1][:2] * 10)


def test_shortened_data_and_targets_count(dataset):
    dataset.data, dataset.targets = (type(dataset.data)(array[:4]) for array in dataset.arrays())
    assert len(dataset) == 4
    assert sum(len(y) for _, y in DataLoader(dataset, 3)) == 4


def test_load_data_fashion_mnist(tmp_path, tiny):
    train, test = load_data_fashion_mnist(8, resize=14, data=tiny.write(tmp_path))
    assert (len(train), len(test)) == (3, 2)
    assert train.shuffle
    assert not test.shuffle
    x, y = next(iter(train))
    assert x.shape == (8, 1, 14, 14)
    assert y.shape == (8,)
    train, _ = load_data_fashion_mnist(8, data=tmp_path)
    assert next(iter(train))[0].shape == (8, 1, 28, 28)


def test_embedded_subset_is_class_balanced():
    for train, per_class in [(True, 600), (False, 100)]:
        images, labels = FashionMNIST(train=train).arrays()
        assert images.shape == (10 * per_class, 28, 28)
        np.testing.assert_array_equal(np.bincount(labels), [per_class] * 10)


def test_embedded_files_are_checked():
    found = sources.embedded_source(FASHION_MNIST, train=True)
    found.paths[TRAIN_LABELS] = found.paths[TEST_LABELS]
    with pytest.raises(DataError, match="swapped: it holds what belongs into t10k-labels-idx1-ubyte"):
        FashionMNIST.read(found, train=True)


def test_embedded_subset_is_part_of_the_full_set():
    places = [folder / FASHION_MNIST.folder for folder in SYSTEM_FOLDERS]
    folder = next((folder for folder in places if folder.is_dir()), None)
    if folder is None:
        pytest.skip("no system copy of Fashion-MNIST: install the Debian package dataset-fashion-mnist")
    for train in (True, False):
        full, full_labels = FashionMNIST(folder, train).arrays()
        part, labels = FashionMNIST(None, train).arrays()
        per_class = len(part) // 10
        for label in range(10):
            np.testing.assert_array_equal(part[labels == label], full[full_labels == label][:per_class])
        assert len(full) == len(part) * 10


def test_embedded_folder_is_small_and_carries_the_licence():
    files = [path for path in Path(embedded.__file__).parent.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 4_000_000
    licence = (Path(embedded.__file__).parent / "LICENSE").read_text(encoding="utf-8")
    assert "Copyright © 2017 Zalando SE" in licence
    assert "The above copyright notice and this permission notice shall be included" in licence


def test_subset_of_the_embedded_data_in_batches():
    loader = DataLoader(Subset(FashionMNIST(train=False), range(500, 550)), 32, shuffle=True)
    assert [x.shape for x, _ in loader] == [(32, 1, 28, 28), (18, 1, 28, 28)]
