import numpy as np
import pytest

import minitorch_cv as torch
from minitorch_cv import distributed as dist
from minitorch_cv.distributed.collectives import gathered, on_any_rank, reduced, summed

MINE = np.array([[1.0, 5.0, 2.0], [7.0, 3.0, 4.0]]).T  # rank 0's tensor; rank 1 has 1 more everywhere


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("SUM", 2 * MINE + 1),
        ("AVG", MINE + 0.5),
        ("PRODUCT", MINE * (MINE + 1)),
        ("MIN", MINE),
        ("MAX", MINE + 1),
    ],
)
def test_all_reduce_of_two_ranks(two_ranks, op, expected):
    for rank in two_ranks:
        np.testing.assert_array_equal(rank[op], expected)


def test_all_reduce_of_a_number_of_whole_numbers_and_on_the_simulated_gpu(two_ranks):
    for rank in two_ranks:
        assert rank["number"] == 0.5 + 1.5
        assert rank["number"].shape == ()
        assert rank["whole"].tolist() == [0 + 1, 2 + 2]
        assert rank["whole"].dtype == np.int64
        assert rank["simulated"].tolist() == [3, 3, 3]


def test_broadcast_from_the_last_of_two_ranks(two_ranks):
    for rank in two_ranks:
        assert rank["sent"].tolist() == [[2, 6], [4, 8]]


def test_without_a_process_group_nothing_changes():
    x = torch.tensor([1.0, 2.0])
    dist.all_reduce(x)
    dist.all_reduce(x, dist.ReduceOp.AVG)
    dist.broadcast(x)
    dist.barrier()
    assert x.tolist() == [1, 2]
    assert reduced(x.numpy()).tolist() == [1, 2]
    assert (summed(1, 2.5), on_any_rank([True, False]), gathered("a")) == ((1, 2.5), [True, False], ["a"])


@pytest.mark.parametrize("x", [torch.tensor([True]), torch.ones(2, dtype=torch.float16)], ids=["bool", "float16"])
def test_types_that_are_not_added_are_refused(as_rank, x):
    as_rank(0, 2)
    with pytest.raises(TypeError, match=f"all_reduce: the tensor is {x.dtype}; convert it first"):
        dist.all_reduce(x)
