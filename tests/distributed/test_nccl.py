"""NCCL without a GPU: what CuPy would be called with, and a library in place of NCCL that does the work."""

import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from minitorch_cv.distributed import nccl
from minitorch_cv.distributed.group import Group

STREAM = 77


class GpuArray:
    """An array that tells CuPy's facts of itself."""

    def __init__(self, values, device=0):
        self.values = np.array(values)
        self.dtype, self.size = self.values.dtype, self.values.size
        self.data = SimpleNamespace(ptr=id(self))
        self.device = Device(device)


class Device(nullcontext):
    """A GPU by its number."""

    def __init__(self, number):
        super().__init__()
        self.id = number


class Communicator:
    """As cupy.cuda.nccl.NcclCommunicator(ndev, commId, rank), with the arguments of its methods in their order."""

    made: list = []  # noqa: RUF012

    def __init__(self, ndev, commId, rank):
        self.made.append((ndev, commId, rank))
        self.calls = []

    def allReduce(self, sendbuf, recvbuf, count, datatype, op, stream):
        self.calls.append((sendbuf, recvbuf, count, datatype, op, stream))

    def bcast(self, buff, count, datatype, root, stream):
        self.calls.append((buff, count, datatype, root, stream))


@pytest.fixture
def library(monkeypatch):
    """CuPy's module of NCCL, with NCCL's own numbers."""
    library = ModuleType("cupy.cuda.nccl")
    numbers = {"INT8": 0, "UINT8": 1, "INT32": 2, "INT64": 4, "FLOAT16": 6, "FLOAT32": 7, "FLOAT64": 8}
    for name, number in {**numbers, "SUM": 0, "PROD": 1, "MAX": 2, "MIN": 3}.items():
        setattr(library, f"NCCL_{name}", number)
    library.available = True
    library.get_unique_id = lambda: (1, 2, 3)
    library.NcclCommunicator = Communicator
    cuda = ModuleType("cupy.cuda")
    cuda.nccl, cuda.get_current_stream = library, lambda: SimpleNamespace(ptr=STREAM)
    cupy = ModuleType("cupy")
    cupy.cuda = cuda
    for module in (cupy, cuda, library):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(Communicator, "made", [])
    return library


@pytest.fixture
def group():
    """Rank 1 of 2, to which rank 0 sends its name for the communicator."""
    return Group(SimpleNamespace(bcast=lambda value: value or (4, 5, 6)), 1, 2, 1)


def test_sums_are_made_in_place_on_the_current_stream(library, group):
    x = GpuArray(np.ones(5, np.float32))
    nccl.all_reduce(group, x, "SUM")
    nccl.all_reduce(group, x, "MAX")
    address = x.data.ptr
    assert group.nccl[0].calls == [(address, address, 5, 7, 0, STREAM), (address, address, 5, 7, 2, STREAM)]


def test_numbers_of_one_rank_go_to_all(library, group):
    x = GpuArray(np.ones((2, 3)))
    nccl.broadcast(group, x, 1)
    assert group.nccl[0].calls == [(x.data.ptr, 6, 8, 1, STREAM)]


def test_each_gpu_has_one_communicator_under_the_name_that_rank_0_chose(library, group):
    for device in (0, 0, 1):
        nccl.all_reduce(group, GpuArray([1.0], device), "SUM")
    assert Communicator.made == [(2, (4, 5, 6), 1)] * 2
    first = Group(SimpleNamespace(bcast=lambda value: value or (4, 5, 6)), 0, 2, 0)
    nccl.all_reduce(first, GpuArray([1.0]), "SUM")
    assert Communicator.made[-1] == (2, (1, 2, 3), 0)


def test_types_that_nccl_has_not_are_refused(library, group):
    with pytest.raises(TypeError, match="NCCL carries no complex64"):
        nccl.all_reduce(group, GpuArray(np.ones(1, np.complex64)), "SUM")


def test_without_the_library_the_error_says_what_to_install(library, group):
    library.available = False
    with pytest.raises(RuntimeError, match="pip install nvidia-nccl-cu12"):
        nccl.all_reduce(group, GpuArray([1.0]), "SUM")
