import numpy as np
import pytest

from minitorch_cv.data import ClassSubset, Compose, DataLoader, Dataset, RandomHorizontalFlip, Subset, ToTensor
from minitorch_cv.data.array_images import ArrayImages
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor


class Letters(ArrayImages):
    """Eight images of 2x2 pixels in four classes; the pixels of image i have the value i, from left to right i + 1."""

    classes = ("a", "b", "c", "d")

    def __init__(self, transform=None):
        places = np.arange(8, dtype=np.uint8)
        self.data = Tensor(np.stack([places, places + 1], 1)[:, None].repeat(2, 1))
        self.targets = Tensor(np.array([2, 0, 1, 2, 3, 0, 2, 1]))
        self.transform = transform
        self.target_transform = None


class Plain(Dataset):
    """A data set that has nothing but samples, names and labels."""

    classes = ("a", "b", "c", "d")
    targets = (2, 0, 1, 2, 3, 0, 2, 1)

    def __getitem__(self, index):
        return np.full(1, index, np.float32), self.targets[index]

    def __len__(self):
        return len(self.targets)


def places(subset):
    """Which images of Letters are in the subset, in its order."""
    return [int(np.asarray(subset[i][0])[0, 0]) for i in range(len(subset))]


def test_only_these_classes_with_new_labels_in_the_order_of_the_data_set():
    subset = ClassSubset(Letters(), ["c", "a"])
    assert len(subset) == 5
    assert places(subset) == [0, 1, 3, 5, 6]
    assert [subset[i][1] for i in range(5)] == [0, 1, 0, 1, 0]
    assert subset.classes == ("c", "a")
    np.testing.assert_array_equal(subset.targets, [0, 1, 0, 1, 0])
    assert repr(subset) == "ClassSubset(5 images of c, a)"


def test_the_first_images_of_each_class():
    subset = ClassSubset(Letters(), ["b", "c", "d"], per_class=2)
    assert places(subset) == [0, 2, 3, 4, 7]
    assert subset.targets.tolist() == [1, 0, 1, 2, 0]


def test_whole_batches():
    images, labels = next(iter(DataLoader(ClassSubset(Letters(ToTensor()), ["c", "a"]), 4)))
    np.testing.assert_allclose(images.numpy()[:, 0, 0, 0] * 255, [0, 1, 3, 5], rtol=1e-6)
    assert labels.tolist() == [0, 1, 0, 1]
    assert labels.numpy().dtype == np.int64


def test_whole_batches_are_made_by_the_data_set_at_once(monkeypatch):
    monkeypatch.setattr(ArrayImages, "sample", None)
    images, _ = ClassSubset(Letters(), ["c", "a"]).fetch_batch([4, 0])
    assert images.shape == (2, 1, 2, 2)


def test_a_data_set_that_has_only_samples():
    subset = ClassSubset(Plain(), ["d", "b"])
    images, labels = next(iter(DataLoader(subset, 3)))
    assert images.tolist() == [[2], [4], [7]]
    assert labels.tolist() == [1, 0, 1]


def test_random_transforms_draw_from_the_generator_of_the_loader():
    transform = Compose([RandomHorizontalFlip(), ToTensor()])
    subset = ClassSubset(Letters(transform), ["a", "b", "c", "d"])
    assert subset.draws
    assert not ClassSubset(Letters(), ["a"]).draws

    def flips(seed, collate=None):
        loader = DataLoader(subset, 8, generator=Generator().manual_seed(seed), collate_fn=collate)
        batch = next(iter(loader))
        images = batch[0].numpy() if collate is None else np.stack([image.numpy() for image, _ in batch])
        return (images[:, 0, 0, 0] > images[:, 0, 0, 1]).tolist()

    assert flips(1) == flips(1)
    assert len({tuple(flips(seed)) for seed in range(6)}) > 1
    assert flips(1, collate=list) == flips(1, collate=list)


def test_samples_one_by_one_have_the_new_labels():
    samples = ClassSubset(Letters(), ["c", "a"]).fetch_samples([1, 4])
    assert [int(np.asarray(image)[0, 0]) for image, _ in samples] == [1, 6]
    assert [label for _, label in samples] == [1, 0]


def test_subsets_of_it():
    subset = ClassSubset(ClassSubset(Letters(), ["c", "a", "b"]), ["b", "c"], per_class=1)
    assert places(subset) == [0, 2]
    assert subset.targets.tolist() == [1, 0]
    assert Subset(subset, [1]).fetch_batch([0])[1].tolist() == [0]


@pytest.mark.parametrize(
    ("classes", "per_class", "message"),
    [
        (["c", "x", "y"], None, r"no class 'x', 'y'; choose among: a, b, c, d"),
        (["c", "c"], None, r"classes \['c', 'c'\]: name at least one class, and each of them once"),
        ([], None, r"classes \[\]: name at least one class"),
        (["c"], 0, r"per_class=0; choose 1 or more"),
    ],
)
def test_errors(classes, per_class, message):
    with pytest.raises(ValueError, match=message):
        ClassSubset(Letters(), classes, per_class)
