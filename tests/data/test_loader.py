"""Batches: their order, their number, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

import minitorch_cv.utils.data
from minitorch_cv.data import DataLoader, Dataset, Subset, TensorDataset
from minitorch_cv.random import Generator, manual_seed
from minitorch_cv.tensor import Tensor

N = 10
NUMBERS = TensorDataset(np.arange(N, dtype=np.float32)[:, None], np.arange(N))


def rows(loader):
    """The labels of one epoch, a list per batch."""
    return [y.numpy().tolist() for _, y in loader]


class Squares(Dataset):
    """A data set that gives one sample at a time."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        assert type(index) is int
        return np.full(3, index * index, np.float64), index


class Reader:
    """The least that a data set is; no base class."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        return Tensor(np.full((2, 2), index, np.float32)), index


def test_in_order_with_a_last_partial_batch():
    loader = DataLoader(NUMBERS, 4)
    assert rows(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == 3
    x, _ = next(iter(loader))
    np.testing.assert_array_equal(x.numpy(), [[0], [1], [2], [3]])
    assert x.dtype == np.float32


@pytest.mark.parametrize(("size", "batches"), [(4, [4, 4]), (5, [5, 5]), (10, [10]), (11, [])])
def test_drop_last(size, batches):
    loader = DataLoader(NUMBERS, size, drop_last=True)
    assert [len(batch) for batch in rows(loader)] == batches
    assert len(loader) == len(batches)


def test_positional_order_is_torchs():
    loader = DataLoader(NUMBERS, 3, False, [1, 2, 3, 4], None, 2, None, True, True, 0, None, None, Generator())
    assert rows(loader) == [[1, 2, 3]]


@pytest.mark.parametrize("make", [lambda: Generator().manual_seed(5), lambda: np.random.default_rng(5)])
def test_the_same_seed_gives_the_same_epochs(make):
    loader, again = (DataLoader(NUMBERS, 4, shuffle=True, generator=make()) for _ in range(2))
    epochs = [rows(loader) for _ in range(3)]
    assert epochs == [rows(again) for _ in range(3)]
    flat = [[index for batch in epoch for index in batch] for epoch in epochs]
    assert all(sorted(epoch) == list(range(N)) for epoch in flat)
    assert len({tuple(epoch) for epoch in flat}) == 3
    assert flat != [sorted(epoch) for epoch in flat]


def test_manual_seed_sets_the_order_where_no_generator_is_given():
    loader = DataLoader(NUMBERS, 4, shuffle=True)
    manual_seed(3)
    first = rows(loader)
    assert rows(loader) != first
    manual_seed(3)
    assert rows(loader) == first


def test_an_epoch_broken_off_does_not_change_the_next():
    whole, broken = (DataLoader(NUMBERS, 1, shuffle=True, generator=Generator().manual_seed(0)) for _ in range(2))
    rows(whole)
    next(iter(broken))
    assert rows(whole) == rows(broken)


def test_batches_do_not_share_memory_with_the_data_set():
    dataset = TensorDataset(np.zeros((4, 2)))
    for (x,) in DataLoader(dataset, 4):
        x.numpy()[...] = 1
    assert not dataset.tensors[0].numpy().any()


@pytest.mark.parametrize("dataset", [Squares(), Reader()])
def test_any_map_style_data_set(dataset):
    batches = list(DataLoader(dataset, 4))
    assert [y.numpy().tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for x, y in batches:
        for image, label in zip(x.numpy(), y.numpy()):
            np.testing.assert_array_equal(image, np.asarray(dataset[int(label)][0]))


def test_a_list_is_a_data_set():
    (x, y), _ = DataLoader([(1.5, 0), (2.5, 1), (3.5, 2)], 2)
    assert x.numpy().tolist() == [1.5, 2.5]
    assert y.numpy().tolist() == [0, 1]


def test_sampler_and_batch_sampler():
    assert rows(DataLoader(NUMBERS, 2, sampler=[9, 0, 5])) == [[9, 0], [5]]
    assert len(DataLoader(NUMBERS, 2, sampler=[9, 0, 5])) == 2
    loader = DataLoader(NUMBERS, batch_sampler=[[1, 2, 3], [7]])
    assert rows(loader) == [[1, 2, 3], [7]]
    assert len(loader) == 2


def test_collate_fn_gets_the_samples():
    loader = DataLoader(NUMBERS, 5, collate_fn=lambda samples: [int(label) for _, label in samples])
    assert list(loader) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_a_subclass_that_overrides_getitem_is_heard():
    class Shifted(TensorDataset):
        def __getitem__(self, index):
            return tuple(element + 100 for element in super().__getitem__(index))

    assert rows(DataLoader(Shifted(*NUMBERS.tensors), 5))[0] == [100, 101, 102, 103, 104]
    assert rows(DataLoader(Subset(Shifted(*NUMBERS.tensors), [3]), 5)) == [[103]]


def test_whole_batches_are_fetched_at_once(monkeypatch):
    def refuse(self, index):
        raise AssertionError("one sample was asked for")

    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    assert rows(DataLoader(Subset(NUMBERS, [2, 3, 4]), 2)) == [[2, 3], [4]]


@pytest.mark.parametrize("size", [0, -1, 2.5, None])
def test_bad_batch_size(size):
    with pytest.raises(ValueError, match=f"batch_size must be a positive whole number, got {size}"):
        DataLoader(NUMBERS, size)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sampler": [1], "shuffle": True}, "sampler sets the order and so does shuffle=True"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler excludes batch_size"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler excludes batch_size"),
        ({"timeout": 3}, "timeout, worker_init_fn and multiprocessing_context are not supported"),
        ({"worker_init_fn": print}, "timeout, worker_init_fn and multiprocessing_context are not supported"),
    ],
)
def test_refused_options(options, says):
    with pytest.raises(ValueError, match=says):
        DataLoader(NUMBERS, **options)


def test_iterable_only_data_is_refused():
    with pytest.raises(TypeError, match="DataLoader: generator lacks __len__ or __getitem__"):
        DataLoader(iter_once() for iter_once in [])


def test_torchs_place():
    assert minitorch_cv.utils.data.DataLoader is DataLoader


def test_the_import_loads_nothing_heavy():
    heavy = ["pooch", "requests", "PIL", "matplotlib", "numba"]
    code = f"import sys, minitorch_cv.data; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
