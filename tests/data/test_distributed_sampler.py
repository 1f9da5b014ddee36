import numpy as np
import pytest

from minitorch_cv.data import DataLoader, DistributedSampler, SharedLoader, TensorDataset
from minitorch_cv.distributed.group import Group, current
from minitorch_cv.random import Generator
from minitorch_cv.tensor import Tensor


class Noisy(TensorDataset):
    """Samples that are changed at random, as augmentation does."""

    draws = True

    def fetch_batch(self, indices, generator):
        return Tensor(self.tensors[0].numpy()[indices]), Tensor(generator.integers(1000, size=len(indices)))


def numbers(count, kind=TensorDataset):
    """A data set of the numbers from 0 on."""
    return kind(Tensor(np.arange(count)))


@pytest.fixture
def on_rank(monkeypatch):
    """Makes this process rank `rank` of `size`."""

    def pretend(rank, size):
        monkeypatch.setattr(current, "group", Group(None, rank, size, rank))

    return pretend


def shares(on_rank, ranks, *arguments, **options):
    """The batches of each rank's SharedLoader."""
    every = []
    for rank in range(ranks):
        on_rank(rank, ranks)
        loader = SharedLoader(*arguments, **options, generator=Generator().manual_seed(3))
        batches = list(loader)
        assert len(loader) == len(batches)
        every.append([batch[0].tolist() for batch in batches])
    return every


@pytest.mark.parametrize(("samples", "drop_last", "expected"), [
    (6, False, [[0, 2, 4], [1, 3, 5]]),
    (7, False, [[0, 2, 4, 6], [1, 3, 5, 0]]),
    (7, True, [[0, 2, 4], [1, 3, 5]]),
    (1, False, [[0], [0]]),
])  # fmt: skip
def test_sampler_parts_are_of_one_length(samples, drop_last, expected):
    for rank, indices in enumerate(expected):
        sampler = DistributedSampler(range(samples), 2, rank, shuffle=False, drop_last=drop_last)
        assert list(sampler) == indices
        assert len(sampler) == len(indices)


def test_sampler_shuffles_alike_on_all_ranks_and_anew_in_each_epoch():
    samplers = [DistributedSampler(range(40), 2, rank, seed=1) for rank in range(2)]
    epochs = []
    for epoch in (0, 1, 0):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        epochs.append([list(sampler) for sampler in samplers])
    assert sorted(epochs[0][0] + epochs[0][1]) == list(range(40))
    assert epochs[0] == epochs[2] != epochs[1]
    assert list(DistributedSampler(range(40), 2, 0, seed=2)) != epochs[0][0]


def test_sampler_takes_rank_and_size_from_the_process_group(on_rank):
    on_rank(1, 3)
    assert list(DistributedSampler(range(6), shuffle=False)) == [1, 4]
    with pytest.raises(ValueError, match="rank 1 is not one of 1"):
        DistributedSampler(range(6), num_replicas=1)


@pytest.mark.parametrize("samples", [16, 21, 22])
def test_shared_batches_joined_are_those_of_one_rank(on_rank, samples):
    first, second = shares(on_rank, 2, numbers(samples), 8, shuffle=True)
    whole = DataLoader(numbers(samples), 8, shuffle=True, generator=Generator().manual_seed(3))
    for mine, yours, (together,) in zip(first, second, whole, strict=True):
        assert [mine, yours] == [together.tolist()[0::2], together.tolist()[1::2]]


def test_a_last_batch_with_fewer_images_than_ranks_is_left_out(on_rank):
    assert shares(on_rank, 3, numbers(10), 8) == [[[0, 3, 6]], [[1, 4, 7]], [[2, 5]]]
    assert shares(on_rank, 3, numbers(11), 8) == [[[0, 3, 6], [8]], [[1, 4, 7], [9]], [[2, 5], [10]]]


def test_a_batch_below_the_number_of_ranks_is_refused(on_rank):
    on_rank(0, 3)
    with pytest.raises(ValueError, match="a batch of 2 cannot be shared out to 3 ranks"):
        SharedLoader(numbers(8), 2)


def test_random_changes_differ_between_ranks_and_not_between_runs(on_rank):
    changes = []
    for rank in (0, 1, 1):
        on_rank(rank, 2)
        loader = SharedLoader(numbers(16, Noisy), 16, generator=Generator().manual_seed(3))
        changes.append(next(iter(loader))[1].tolist())
    assert changes[0] != changes[1] == changes[2]


def test_a_shared_loader_goes_on_in_the_middle_of_an_epoch(on_rank):
    on_rank(1, 2)
    loader = SharedLoader(numbers(24, Noisy), 8, shuffle=True, generator=Generator().manual_seed(3))
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    rest = [[part.tolist() for part in batch] for batch in batches]
    other = SharedLoader(numbers(24, Noisy), 8, shuffle=True, generator=Generator().manual_seed(9))
    other.load_state_dict(state)
    assert [[part.tolist() for part in batch] for batch in other] == rest
