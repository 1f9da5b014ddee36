"""A module `cupy` for tests: as much of CuPy's surface as the engine uses outside of kernels, over NumPy."""

import importlib.machinery
import sys
import types
from contextlib import nullcontext
from typing import ClassVar

import numpy as np


class Array(np.ndarray):
    """Stands for cupy.ndarray."""

    device = types.SimpleNamespace(id=0)

    def get(self):
        return np.array(self).view(np.ndarray)

    @property
    def __cuda_array_interface__(self):
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.ctypes.data, False), "version": 3}

    @property
    def array(self):
        return self

    def __dlpack_device__(self):
        return 2, 0


class OutOfMemoryError(MemoryError):
    """Stands for cupy.cuda.memory.OutOfMemoryError."""


class MemoryHook:
    """Stands for cupy.cuda.MemoryHook; `hooks` are those that were entered."""

    hooks: ClassVar[list] = []

    def __enter__(self):
        self.hooks.append(self)


class Device(nullcontext):
    """Stands for cupy.cuda.Device; numbers as given to it."""

    chosen: ClassVar[list] = []

    def __init__(self, number=None):
        super().__init__()
        self.id = self.chosen[-1] if number is None else number

    def __enter__(self):
        self.chosen.append(self.id)


def installed(monkeypatch, gpus=2, driver=12090, built=12090):
    """`import cupy` gives the fake inside this test; gpus may be an exception, which counting them raises."""
    calls = []

    def count():
        if isinstance(gpus, Exception):
            raise gpus
        return gpus

    pool = types.SimpleNamespace(used=100, used_bytes=lambda: pool.used, free_all_blocks=lambda: calls.append("freed"))
    runtime = types.SimpleNamespace(
        getDeviceCount=count,
        deviceSynchronize=lambda: calls.append("synchronized"),
        getDeviceProperties=lambda number: {"name": b"GPU %d" % number},
        driverGetVersion=lambda: driver,
        runtimeGetVersion=lambda: built,
    )
    fake = types.ModuleType("cupy")
    fake.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    fake.ndarray, fake.calls, fake.pool = Array, calls, pool
    fake.array = fake.asarray = lambda data: given(data).view(Array)
    fake.from_dlpack = lambda data: calls.append("from_dlpack") or data.array
    fake.get_default_memory_pool = lambda: pool
    fake.cuda = types.SimpleNamespace(
        Device=Device,
        MemoryHook=MemoryHook,
        runtime=runtime,
        memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
    )
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(Device, "chosen", [0])
    monkeypatch.setattr(MemoryHook, "hooks", [])
    return fake


def given(data):
    """A copy, of objects with __cuda_array_interface__ too."""
    return np.array(getattr(data, "array", data))
