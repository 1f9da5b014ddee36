"""TensorDataset, Subset, random_split."""

import numpy as np
import pytest

from minitorch_cv.data import Dataset, Subset, TensorDataset, random_split
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor


def test_tensor_dataset(rng):
    x, y = rng.standard_normal((5, 2)), np.arange(5)
    dataset = TensorDataset(Tensor(x), Tensor(y))
    assert len(dataset) == 5
    sample, label = dataset[3]
    np.testing.assert_array_equal(sample.numpy(), x[3])
    assert label.item() == 3
    batch, labels = dataset.fetch_batch([4, 0])
    np.testing.assert_array_equal(batch.numpy(), x[[4, 0]])
    assert labels.numpy().tolist() == [4, 0]


def test_tensor_dataset_of_a_tensor_that_requires_grad():
    (batch,) = TensorDataset(Tensor(np.ones((3, 2)), requires_grad=True)).fetch_batch([1])
    assert not batch.requires_grad


def test_tensor_dataset_needs_one_length():
    with pytest.raises(ValueError, match=r"one and the same length, got shapes \(5, 2\), \(4,\)"):
        TensorDataset(np.zeros((5, 2)), np.zeros(4))
    with pytest.raises(ValueError, match="got shapes none"):
        TensorDataset()


@pytest.mark.parametrize("indices", [[7, 2, 5], np.array([7, 2, 5]), range(3, 6)])
def test_subset(indices):
    subset = Subset(TensorDataset(np.arange(10) * 10), indices)
    assert len(subset) == 3
    assert subset[1][0].item() == indices[1] * 10
    assert subset.fetch_batch(np.array([2, 0]))[0].numpy().tolist() == [indices[2] * 10, indices[0] * 10]
    assert Subset(subset, [1]).fetch_batch([0])[0].item() == indices[1] * 10


@pytest.mark.parametrize(
    ("size", "lengths", "sizes"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0.7, 0.3], [7, 3]),
        (10, [0.33, 0.33, 0.34], [4, 3, 3]),
        (10, [0.1] * 10, [1] * 10),
        (1, [1], [1]),
        (4, [4, 0], [4, 0]),
        (5, [1.0], [5]),
    ],
)
def test_random_split_is_a_partition(size, lengths, sizes):
    parts = random_split(TensorDataset(np.arange(size)), lengths, Generator().manual_seed(1))
    assert [len(part) for part in parts] == sizes
    assert sorted(part[i][0].item() for part in parts for i in range(len(part))) == list(range(size))


def test_random_split_is_random_and_reproducible():
    first, again, other = (
        random_split(range(100), [50, 50], Generator().manual_seed(seed))[0].indices.tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert first != sorted(first)


def test_random_split_refuses_wrong_lengths():
    with pytest.raises(ValueError, match=r"lengths \[5, 4\] sum to 9 but the data set has 10 samples"):
        random_split(range(10), [5, 4])
    with pytest.raises(ValueError, match=r"fractions must be between 0 and 1, got \[1.5, -0.5\]"):
        random_split(range(10), [1.5, -0.5])


def test_dataset_names_what_a_subclass_forgot():
    class Forgetful(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Forgetful defines no __len__"):
        len(Forgetful())
    with pytest.raises(NotImplementedError, match="Forgetful defines no __getitem__"):
        Forgetful()[0]
