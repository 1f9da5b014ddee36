"""What two ranks reached, and one process with the joined batches."""

import numpy as np
import pytest

from minitorch_cv.distributed.group import Group, current

from . import programs
from .ranks import on_ranks


@pytest.fixture(scope="session")
def two_ranks(tmp_path_factory):
    """The arrays that each of two ranks ended with, by name."""
    out = tmp_path_factory.mktemp("two-ranks")
    done = on_ranks(2, "tests.distributed.programs", out, seconds=300)  # which may have kernels to build first
    assert done.returncode == 0, done.stderr
    return [dict(np.load(out / f"rank-{rank}.npz")) for rank in range(2)]


@pytest.fixture(scope="session")
def one_rank():
    """The arrays that one process ended with."""
    return programs.everything()


@pytest.fixture
def as_rank(monkeypatch):
    """Makes this process believe that it is one of several ranks, which it cannot reach."""

    def pretend(rank, size, comm=None):
        monkeypatch.setattr(current, "group", Group(comm, rank, size, rank))

    return pretend
