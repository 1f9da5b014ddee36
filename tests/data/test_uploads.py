"""On the way to a GPU: what is asked of CuPy, here of the stand-in for it."""

import sys
from collections import namedtuple

import numpy as np
import pytest

from minitorch_cv import tensor
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.data.uploads import free_bytes, on_every_tensor, pinned
from minitorch_cv.device import device
from minitorch_cv.tensor import Tensor

from ..strict_cupy import devices, installing


@pytest.fixture
def handed_out(strict_cupy, monkeypatch):
    """The arrays in pinned memory that were asked for."""
    arrays = []
    cupyx, original = sys.modules["cupyx"], installing.empty_pinned
    monkeypatch.setattr(cupyx, "empty_pinned", lambda *spec: arrays.append(original(*spec)) or arrays[-1])
    return arrays


def test_free_bytes(strict_cupy, monkeypatch):
    monkeypatch.setattr(devices, "memory", 8192)
    there = tensor(np.zeros(1000, np.uint8), device="cuda:1")
    freed = tensor(np.zeros(600, np.uint8), device="cuda:1")
    del freed
    assert [free_bytes(device(name)) for name in ("cuda", "cuda:1")] == [8192, 8192 - 1024]
    assert [free_bytes(device(name)) for name in ("cuda-sim", "cpu")] == [None, None]
    assert there.device == "cuda:1"


def test_batches_are_pinned_before_they_are_moved(handed_out, monkeypatch):
    numbers = np.arange(6.0).reshape(3, 2)
    for pin_memory in (False, True):
        assert not handed_out
        batches = list(DataLoader(TensorDataset(numbers), 2, pin_memory=pin_memory, device="cuda:1"))
        assert [batch[0].device for batch in batches] == ["cuda:1"] * 2
        assert [batch[0].tolist() for batch in batches] == [numbers[:2].tolist(), numbers[2:].tolist()]
    assert [array.tolist() for array in handed_out] == [numbers[:2].tolist(), numbers[2:].tolist()]


def test_pinned_is_a_copy(handed_out):
    source = Tensor(np.arange(6, dtype=np.int64).reshape(2, 3).T)
    copy = pinned(source)
    np.testing.assert_array_equal(copy.numpy(), source.numpy())
    assert copy.numpy() is handed_out[0]
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
