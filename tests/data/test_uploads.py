"""On the way to a GPU: what is asked of CuPy, with a stand-in for it, as there is no GPU here."""

import sys
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pytest

from minitorch_cv import tensor
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.data.uploads import free_bytes, on_every_tensor, overwrite, pinned
from minitorch_cv.device import device
from minitorch_cv.tensor import Tensor


class Pinned(np.ndarray):
    """What the stand-in's empty_pinned gives."""


class OnGpu:
    """The stand-in's arrays."""

    def set(self, values):
        self.values = values


@pytest.fixture
def cupy(monkeypatch):
    """A stand-in for CuPy: two GPUs with 100 and 200 free bytes, 7 more in the pool."""
    fake = SimpleNamespace(
        ndarray=OnGpu,
        cuda=SimpleNamespace(Device=lambda index: SimpleNamespace(mem_info=([100, 200][index], 1000))),
        get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 7),
    )
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(empty_pinned=lambda *spec: np.empty(*spec).view(Pinned)))


def test_free_bytes(cupy):
    assert [free_bytes(device(name)) for name in ("cuda", "cuda:1", "cuda-sim", "cpu")] == [107, 207, None, None]


def test_overwriting_an_array_on_a_gpu(cupy):
    array, values = OnGpu(), np.arange(3)
    overwrite(array, values)
    assert array.values is values


def test_overwriting_an_array_on_the_simulated_gpu():
    there = tensor([1, 2, 3], device="cuda-sim")
    overwrite(there._array, np.array([4, 5, 6]))
    assert there.cpu().tolist() == [4, 5, 6]


def test_batches_are_pinned_before_they_are_moved(cupy, monkeypatch):
    there = []
    monkeypatch.setattr("minitorch_cv.data.loader.usable", device)
    monkeypatch.setattr(Tensor, "to", lambda self, place: there.append((self._array, str(place))) or self)
    numbers = np.arange(6.0).reshape(3, 2)
    for pin_memory in (True, False):
        list(DataLoader(TensorDataset(numbers), 2, pin_memory=pin_memory, device="cuda:1"))
    assert [type(array) for array, _ in there] == [Pinned, Pinned, np.ndarray, np.ndarray]
    assert [array.tolist() for array, _ in there] == 2 * [numbers[:2].tolist(), numbers[2:].tolist()]
    assert {place for _, place in there} == {"cuda:1"}


def test_pinned_is_a_copy(cupy):
    source = Tensor(np.arange(6, dtype=np.int64).reshape(2, 3).T)
    copy = pinned(source)
    np.testing.assert_array_equal(copy.numpy(), source.numpy())
    assert not np.shares_memory(copy.numpy(), source.numpy())
    assert copy.dtype == np.int64


def test_every_tensor_of_a_batch():
    Pair = namedtuple("Pair", "x y")
    x = tensor([1.0])
    batch = on_every_tensor(lambda t: t + 1, {"a": [x, (x, "text")], "b": Pair(x, 3)})
    assert batch["a"][0].tolist() == batch["a"][1][0].tolist() == batch["b"].x.tolist() == [2]
    assert type(batch["a"][1]) is tuple
    assert batch["a"][1][1] == "text"
    assert type(batch["b"]) is Pair
    assert batch["b"].y == 3
