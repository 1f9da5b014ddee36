"""Batches: their order, their number, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

import minitorch_cv.utils.data
from minitorch_cv.data import DataLoader, Dataset, Subset, TensorDataset
from minitorch_cv.data.datasets import draws
from minitorch_cv.random import Generator, default_generator, manual_seed, numpy_generator
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


class Noisy(Dataset):
    """A data set whose batches are random: [the indices, a number drawn for each]."""

    def __len__(self):
        return N

    def __getitem__(self, index):
        raise AssertionError("one sample was asked for")

    def fetch_batch(self, indices, generator=None):
        return [list(map(int, indices)), generator.random(len(indices)).tolist()]


@pytest.mark.parametrize("dataset", [Noisy(), Subset(Noisy(), range(N - 1, -1, -1))])
def test_a_batch_draws_from_a_generator_of_its_own(dataset):
    generator = np.random.default_rng(4)
    batches = list(DataLoader(dataset, 4, shuffle=True, generator=generator))
    twin = np.random.default_rng(4)
    order, seed = twin.permutation(N), int(twin.integers(2**63))
    places = order if isinstance(dataset, Noisy) else N - 1 - order
    for number, (indices, drawn) in enumerate(batches):
        assert indices == places[4 * number : 4 * number + 4].tolist()
        assert drawn == np.random.default_rng([seed, number]).random(len(indices)).tolist()
    assert generator.bit_generator.state == twin.bit_generator.state


def test_every_epoch_draws_anew():
    loader = DataLoader(Noisy(), 4, generator=np.random.default_rng(4))
    assert list(loader) != list(loader)


def test_a_data_set_that_draws_nothing_costs_no_random_number():
    class Plain(Noisy):
        draws = False

        def fetch_batch(self, indices, generator=None):
            return indices

    class Old(Noisy):
        def fetch_batch(self, indices):
            return indices

    manual_seed(1)
    before = default_generator.get_state()
    for dataset in [NUMBERS, Subset(NUMBERS, [1, 2]), Squares(), Reader(), [1, 2], Plain(), Old(), Subset(Old(), [1])]:
        assert not draws(dataset)
        list(DataLoader(dataset, 4))
        assert default_generator.get_state() == before
    list(DataLoader(Noisy(), 4))
    assert default_generator.get_state() != before


def test_a_data_set_whose_fetch_batch_takes_no_generator():
    class Old(Squares):
        def fetch_batch(self, indices):
            return [int(index) for index in indices]

    assert list(DataLoader(Old(), 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(DataLoader(Subset(Old(), [5, 3]), 1)) == [[5], [3]]


def test_collate_fn_gets_samples_made_with_the_batchs_generator():
    class Drawn(Noisy):
        def fetch_samples(self, indices, generator=None):
            return [(int(index), float(generator.random())) for index in indices]

    for dataset in (Drawn(), Subset(Drawn(), range(N))):
        samples = list(DataLoader(dataset, 4, collate_fn=list, generator=np.random.default_rng(4)))
        seed = int(np.random.default_rng(4).integers(2**63))
        numbers = [np.random.default_rng([seed, batch]).random(len(part)) for batch, part in enumerate(samples)]
        assert [value for part in samples for _, value in part] == np.concatenate(numbers).tolist()


OWN = {"own": lambda: Generator().manual_seed(7), "numpy": lambda: np.random.default_rng(7), "default": lambda: None}


def noisy_loader(kind, workers=0):
    manual_seed(7)
    return DataLoader(Noisy(), 3, shuffle=True, generator=OWN[kind](), num_workers=workers)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("given", range(5))
def test_an_epoch_goes_on_where_its_state_was_taken(kind, given, workers):
    loader = noisy_loader(kind)
    epochs = [list(loader) for _ in range(3)]
    after = numpy_generator(loader.generator).random()

    stopped = noisy_loader(kind, workers)
    list(stopped)
    batches = iter(stopped)
    seen = [next(batches) for _ in range(given)]
    state = json.loads(json.dumps(stopped.state_dict()))
    assert state["batch"] == given  # those prepared ahead do not count
    manual_seed(99)

    resumed = DataLoader(Noisy(), 3, shuffle=True, generator=OWN[kind]() and Generator(), num_workers=workers)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == state
    assert seen + list(resumed) == epochs[1]
    assert list(resumed) == epochs[2]
    assert numpy_generator(resumed.generator).random() == after


def test_a_state_is_not_moved_by_what_happens_later():
    loader = noisy_loader("own")
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    copied = json.dumps(state)
    rest = list(batches)
    loader.load_state_dict(state)
    assert list(loader) == rest
    list(loader)
    assert json.dumps(state) == copied


def test_after_its_last_batch_an_epoch_is_over_only_when_the_loop_is():
    loader = noisy_loader("own")
    batches = iter(loader)
    for _ in range(len(loader)):
        next(batches)
    assert loader.state_dict()["batch"] == len(loader)
    second = noisy_loader("own")
    second.load_state_dict(loader.state_dict())
    assert list(second) == []
    assert next(batches, None) is None
    assert loader.state_dict() == {"generator": loader.generator.get_state()["state"], "batch": 0}
    assert list(second) == list(loader)


def test_the_state_is_that_of_the_latest_pass():
    loader = noisy_loader("own")
    first = iter(loader)
    next(first)
    second = iter(loader)
    list(first)
    next(second)
    assert loader.state_dict()["batch"] == 1


def test_resuming_default_order_leaves_the_restored_default_generator_alone():
    """Dropout draws from the default generator too: restored after the loader's state, it must stay as it is."""
    loader = noisy_loader("default")
    batches = iter(loader)
    next(batches)
    default_generator.numpy.random(5)
    state, default_state = loader.state_dict(), default_generator.get_state()
    rest = list(batches)
    manual_seed(0)
    loader.load_state_dict(state)
    default_generator.set_state(default_state)
    assert list(loader) == rest
    assert default_generator.get_state() == default_state


def test_every_numpy_generator_has_a_plain_state():
    for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64):
        loader = DataLoader(NUMBERS, 3, shuffle=True, generator=np.random.Generator(kind(1)))
        batches = iter(loader)
        next(batches)
        state = json.loads(json.dumps(loader.state_dict()))
        rest = [y.numpy().tolist() for _, y in batches]
        loader.load_state_dict(state)
        assert rows(loader) == rest


def test_samplers_go_on_in_the_middle():
    for options in ({"sampler": [9, 0, 5, 4], "batch_size": 1}, {"batch_sampler": [[9], [0], [5], [4]]}):
        loader = DataLoader(NUMBERS, **options)
        loader.load_state_dict({**loader.state_dict(), "batch": 3})
        assert rows(loader) == [[4]]
        assert rows(loader) == [[9], [0], [5], [4]]


def test_a_state_of_a_longer_loader_is_refused():
    state = {**DataLoader(NUMBERS, 2).state_dict(), "batch": 4}
    with pytest.raises(ValueError, match="the state has 4 batches of an epoch behind it but this loader has only 3"):
        DataLoader(NUMBERS, 4).load_state_dict(state)


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
        ({"num_workers": -1}, "num_workers must be 0 or more, got -1"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be 1 or more and needs num_workers=1, got 0"),
        ({"prefetch_factor": 2}, "prefetch_factor must be 1 or more and needs num_workers=1, got 2 with num_workers=0"),
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
