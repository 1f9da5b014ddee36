"""A stand-in for CuPy 14 without a GPU, over NumPy and the simulator: only what CuPy has, and as strict.

    pytest --device cuda --strict-cupy

NumPy and arrays of `cuda-sim` take more than CuPy does, and a program that relies on it fails on its first GPU. Here

- functions and methods take the parameters that CuPy's take (signatures.json, which tools/cupy_signatures.py writes);
- an array is no np.ndarray and becomes none without `get()`; arrays of NumPy are refused as arguments and as values;
- there are two GPUs, and arrays, kernels and streams have to belong to the current one;
- what a stream captures is not done before the graph is launched, exchanges nothing with the CPU, and finds at its
  addresses what is there then;
- results of ufuncs are C-contiguous, and whole numbers out of range wrap where they are indices.

Where real GPUs run beside Python, nothing is under way here when a call returns.

    arrays.py     arrays, and how NumPy computes with them
    functions.py, methods.py, ufuncs.py, indexing.py    what computes
    raw.py        kernels from source, on the simulator
    devices.py, streams.py, pools.py, nccl.py, cuda.py  the module cupy.cuda
    simulated.py  the same parameters for arrays of `cuda-sim`
    installing.py the names under which Python imports all this
"""

from typing import Any

import numpy as np

from . import cuda, indexing, methods
from .arrays import ndarray
from .functions import asnumpy, function
from .pools import default as _default_pool
from .pools import pinned as _pinned_pool
from .raw import RawKernel, RawModule
from .signatures import TABLE
from .ufuncs import named, ufunc

__version__ = TABLE["version"]


def get_default_memory_pool() -> Any:
    return _default_pool


def get_default_pinned_memory_pool() -> Any:
    return _pinned_pool


def __getattr__(name: str) -> Any:
    """What the table names; nothing else is there."""
    if name in TABLE["ufuncs"]:
        return named(name)
    if name in TABLE["functions"]:
        return function(name)
    if name in TABLE["others"]:
        return getattr(np, name)
    raise AttributeError(f"module 'cupy' has no attribute {name!r}")
