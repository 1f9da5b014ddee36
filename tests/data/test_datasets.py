"""TensorDataset, Subset, random_split."""

import numpy as np
import pytest

from minitorch_cv.data import DataLoader, Dataset, Subset, TensorDataset, random_split
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


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([3, 1], [3, 1]),
        ([-1, 0], [9, 0]),
        (range(2, 8, 3), [2, 5]),
        (np.array([4, 4], np.uint8), [4, 4]),
        (Tensor(np.array([7, 0])), [7, 0]),
        ([], []),
    ],
)
def test_places_of_a_subset(indices, expected):
    part = Subset(TensorDataset(np.arange(10)), indices)
    assert [int(part[i][0]) for i in range(len(part))] == expected
    assert [int(x) for (batch,) in DataLoader(part, 4) for x in batch] == expected
    assert len(Subset(part, range(len(part)))) == len(expected)


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        (np.arange(10) > 6, TypeError, r"an array of bool .* pass np.flatnonzero\(mask\)"),
        ([True, False], TypeError, "an array of bool"),
        (Tensor(np.array([True, False])), TypeError, "an array of bool"),
        ([0.0, 1.5], TypeError, "an array of float64 .* pass a list of whole numbers"),
        (["a"], TypeError, "a list of whole numbers"),
        ([[0, 1]], TypeError, r"shape \(1, 2\)"),
        ([0, 10], IndexError, "index 10 is outside the data set of 10 samples"),
        ([-11], IndexError, "index -11 is outside"),
    ],
)
def test_what_is_no_place_is_refused(indices, error, message):
    with pytest.raises(error, match=message):
        Subset(TensorDataset(np.arange(10)), indices)


@pytest.mark.parametrize(
    ("size", "lengths", "sizes"),
    [
        (10, [0.05] * 20, [1] * 10 + [0] * 10),
        (10, [0.1] * 10, [1] * 10),
        (10, [1 / 3] * 3, [4, 3, 3]),
        (7, [0.7, 0.2, 0.1], [5, 2, 0]),
        (10, [10, 0], [10, 0]),
        (10, [np.int64(4), 6.0], [4, 6]),
        (1, [1], [1]),
        (0, [0.5, 0.5], [0, 0]),
    ],
)
def test_every_sample_is_in_one_part(size, lengths, sizes):
    parts = random_split(TensorDataset(np.arange(size)), lengths)
    assert [len(part) for part in parts] == sizes
    assert sorted(int(part[i][0]) for part in parts for i in range(len(part))) == list(range(size))


@pytest.mark.parametrize("lengths", [[11, -1], [6.5, 3.5], [0.5, 0.6], [-0.5, 1.5], [5, 4], [float("nan"), 10]])
def test_lengths_that_are_none_are_refused(lengths):
    with pytest.raises(ValueError, match="random_split"):
        random_split(TensorDataset(np.arange(10)), lengths)


@pytest.mark.parametrize("generator", [5, "5", 0.5, np.random.RandomState(5), object()])
def test_a_generator_is_one(generator):
    for take in (
        lambda: DataLoader(TensorDataset(np.arange(4)), 2, shuffle=True, generator=generator),
        lambda: random_split(TensorDataset(np.arange(4)), [2, 2], generator),
    ):
        with pytest.raises(TypeError, match=r"pass a Generator, such as Generator\(\)\.manual_seed\(5\)"):
            take()
