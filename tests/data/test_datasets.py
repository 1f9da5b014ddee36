"""TensorDataset, Subset, random_split."""

import warnings

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
        (10, [0.1] * 3 + [0.7], [1, 1, 1, 7]),  # which sum to a little less than 1
        (40, [0.05] * 20, [2] * 20),  # and to a little more
        (7, [1 / 3] * 3, [3, 2, 2]),
        (100, [0.29, 0.71], [29, 71]),  # 0.29 * 100 is a little less than 29
        (10, np.array([6, 4]), [6, 4]),
        (10, [np.int8(3), np.uint64(7)], [3, 7]),
        (200, [np.int8(100)] * 2, [100, 100]),
        (3, (0, 3, 0), [0, 3, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
@pytest.mark.filterwarnings("ignore:random_split")  # of the empty parts
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
    for lengths in ([11, -1], [6.5, 3.5], [-5, 15], [float("nan"), 10], [float("inf")], [], [0.5, 0.4]):
        with pytest.raises(ValueError, match=r"must be whole numbers of 0 or more|but the data set has 10"):
            random_split(range(10), lengths)
    for lengths in ([2, -1], [-0.5, 1.5], [0.5, 0.75, -0.25]):
        with pytest.raises(ValueError, match="fractions must be between 0 and 1"):
            random_split(range(10), lengths)
    with pytest.raises(ValueError, match=r"fractions must be between 0 and 1, got \[1.5, -0.5\]"):
        random_split(range(10), [1.5, -0.5])


def test_random_split_rounds_as_torch_does():
    torch = pytest.importorskip("torch")
    for size in (1, 3, 10, 99, 100):
        for fractions in ([0.5, 0.5], [0.29, 0.71], [0.6, 0.3, 0.1], [0.25] * 4, [1 / 7] * 7, [0.999, 0.001]):
            if sum(fractions) > 1:
                continue  # refused by torch
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours, theirs = (
                    split(range(size), fractions) for split in (random_split, torch.utils.data.random_split)
                )
            assert [len(part) for part in ours] == [len(part) for part in theirs]


def test_random_split_warns_of_parts_that_fractions_leave_empty():
    with pytest.warns(
        UserWarning, match=r"of 10 samples, .* leave parts empty: \[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0"
    ) as said:
        parts = random_split(range(10), [0.05] * 20)
    assert said[0].filename == __file__
    assert sorted(part[0] for part in parts if len(part)) == list(range(10))


NO_PLACES = {
    "mask": np.arange(10) > 6,
    "mask in a list": [True, False] * 5,
    "mask in a tensor": Tensor(np.arange(10) > 6),
    "fractions": [0.5, 1.5],
    "whole fractions": np.array([1.0, 2.0]),
    "infinity": [1, float("inf")],
    "text": ["1", "2"],
    "nothing": [None],
    "pairs": [[1, 2], [3, 4]],
    "a number": 3,
    "a set": {1, 2},
}


@pytest.mark.parametrize("indices", NO_PLACES.values(), ids=NO_PLACES)
def test_indices_that_are_no_whole_numbers_are_refused(indices):
    """By NumPy alone, a mask would be taken for the places 0 and 1, and 1.5 for 1."""
    numbers = TensorDataset(np.arange(10))
    with pytest.raises(TypeError, match=r"indices of samples: an array of .* is not a row of places in a data set"):
        Subset(numbers, indices)
    with pytest.raises(TypeError):
        next(iter(DataLoader(numbers, batch_sampler=[indices])))


@pytest.mark.parametrize("samples", [TensorDataset(np.arange(10)), range(10)])
@pytest.mark.parametrize("order", [[True, False], [1.5, 2.5], np.arange(10) > 6, ["1", "2"]])
def test_samplers_that_give_no_whole_numbers_are_refused(samples, order):
    for loader in (DataLoader(samples, 2, sampler=order), DataLoader(samples, 2, sampler=order, collate_fn=list)):
        with pytest.raises(TypeError, match="is not a row of places in a data set; pass"):
            next(iter(loader))


PLACES = {
    "list": [7, 2, -1],
    "tuple": (7, 2, -1),
    "NumPy's numbers": [np.int64(7), np.uint8(2), np.int16(-1)],
    "bytes": np.array([7, 2, -1], np.int8),
    "tensor": Tensor(np.array([7, 2, -1])),
    "list of tensors": [Tensor(np.array(7)), Tensor(np.array(2)), Tensor(np.array(-1))],
}


@pytest.mark.parametrize("indices", PLACES.values(), ids=PLACES)
def test_indices_of_any_kind_of_whole_number(indices):
    subset = Subset(TensorDataset(np.arange(10) * 10), indices)
    assert [subset[i][0].item() for i in (0, 1, 2, -1)] == [70, 20, 90, 90]
    assert next(iter(DataLoader(subset, 3)))[0].tolist() == [70, 20, 90]
    assert subset[[2, 0]][0].tolist() == [90, 70]
    assert next(iter(DataLoader(Subset(subset, [-1, 0]), 2)))[0].tolist() == [90, 70]
    assert [Subset(range(0, 100, 10), indices)[i] for i in range(3)] == [70, 20, 90]


def test_indices_are_kept_as_they_were_given():
    for indices in ([1, 2], (1, 2), range(2, 8, 3)):
        assert Subset(range(10), indices).indices is indices
    subset = Subset(TensorDataset(np.arange(10)), range(9, -1, -4))
    assert next(iter(DataLoader(subset, 3)))[0].tolist() == [9, 5, 1]
    assert len(Subset(range(10), [])) == len(Subset(range(10), np.array([]))) == 0


@pytest.mark.parametrize("index", [10, -11, 2**40])
def test_indices_outside_the_data_set(index):
    numbers = TensorDataset(np.arange(10))
    for samples in (numbers, range(10), Subset(numbers, range(10)), Subset(range(20), range(10))):
        with pytest.raises(IndexError, match=f"index {index} is outside the data set of 10 samples"):
            Subset(samples, [0, index])
    with pytest.raises(IndexError):
        next(iter(DataLoader(numbers, 2, sampler=[0, index])))


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
@pytest.mark.filterwarnings("ignore:random_split")  # of the empty parts
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
