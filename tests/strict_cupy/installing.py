"""The stand-in under CuPy's names."""

import sys
import weakref
from collections import Counter
from types import ModuleType
from typing import Any

import numpy as np

import tests.strict_cupy as strict
from minitorch_cv import random
from minitorch_kernels.cuda import graph

from . import cuda, devices, pools


def empty_pinned(shape: Any, dtype: Any = float, order: str = "C") -> np.ndarray:
    return np.empty(shape, dtype, order)


def modules() -> dict[str, ModuleType]:
    """What `import` finds under each name."""
    cupyx = ModuleType("cupyx")
    cupyx.empty_pinned = empty_pinned  # type: ignore[attr-defined]
    return {"cupy": strict, "cupy.cuda": cuda, "cupy.cuda.nccl": cuda.nccl, "cupyx": cupyx}


def install() -> None:
    """`import cupy` gives the stand-in from now on."""
    sys.modules.update(modules())


def installed(monkeypatch: Any, gpus: Any = 2, driver: int = 13000, built: int = 13000) -> ModuleType:
    """The same inside of one test; gpus may be an exception, which counting them raises."""
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(devices, "count", gpus)
    monkeypatch.setattr(cuda, "driver", driver)
    monkeypatch.setattr(cuda, "built", built)
    monkeypatch.setattr(pools, "reserved", Counter())
    monkeypatch.setattr(pools, "default", pools.MemoryPool())
    monkeypatch.setattr(strict, "_default_pool", pools.default)
    monkeypatch.setattr(random, "gpu_generators", {})
    monkeypatch.setattr(graph, "graphs", weakref.WeakSet())
    return strict
