"""K-fold: every sample validates once, and the folds are as even as can be."""

import numpy as np
import pytest

from minitorch_cv.data import TensorDataset, k_fold
from minitorch_cv.random import Generator


def indices(pairs):
    return [(train.indices.tolist(), validation.indices.tolist()) for train, validation in pairs]


def test_without_shuffling_the_folds_follow_one_another():
    assert indices(k_fold(range(7), 3, shuffle=False)) == [
        ([3, 4, 5, 6], [0, 1, 2]),
        ([0, 1, 2, 5, 6], [3, 4]),
        ([0, 1, 2, 3, 4], [5, 6]),
    ]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("n", "k", "sizes"), [(10, 3, [4, 3, 3]), (11, 4, [3, 3, 3, 2]), (5, 5, [1] * 5), (4, 2, [2, 2])]
)
def test_every_sample_validates_once(n, k, sizes, shuffle):
    pairs = indices(k_fold(TensorDataset(np.arange(n)), k, shuffle, Generator().manual_seed(1)))
    assert [len(validation) for _, validation in pairs] == sizes
    assert sorted(index for _, validation in pairs for index in validation) == list(range(n))
    for train, validation in pairs:
        assert validation == sorted(validation)
        assert train == [index for index in range(n) if index not in validation]


def test_shuffling_is_random_and_reproducible():
    first, again, other = (indices(k_fold(range(50), 5, generator=Generator().manual_seed(s))) for s in (1, 1, 2))
    assert first == again
    assert first != other
    assert first != indices(k_fold(range(50), 5, shuffle=False))


def test_subsets_give_the_samples():
    dataset = TensorDataset(np.arange(6) * 10)
    train, validation = next(k_fold(dataset, 3, shuffle=False))
    assert [x.item() for (x,) in validation] == [0, 10]
    assert train.fetch_batch([0, 3])[0].numpy().tolist() == [20, 50]


@pytest.mark.parametrize("k", [-1, 0, 1, 6])
def test_bad_k(k):
    with pytest.raises(ValueError, match=rf"k must be from 2 to the number of samples, got k={k} with 5 samples"):
        k_fold(range(5), k)


@pytest.mark.parametrize("k", [2.5, 3.0, "3", None])
def test_k_is_a_whole_number(k):
    with pytest.raises(TypeError):
        k_fold(range(10), k)
