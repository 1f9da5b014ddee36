"""What an optimizer remembers of a parameter between two steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module, on_gpu_of

from ..device import moved
from ..tensor import Tensor


def step_counter(state: dict[str, Any]) -> np.ndarray:
    """The array behind state["step"], at first 0: float32 and without axes, as PyTorch keeps it."""
    if "step" not in state:
        state["step"] = Tensor(np.zeros((), np.float32))
    return state["step"]._array


def count_step(state: dict[str, Any]) -> int:
    """state["step"] += 1 -> the steps so far."""
    counter = step_counter(state)
    counter += 1
    return int(counter)


def buffer(state: dict[str, Any], name: str, param: Tensor, start: float = 0.0) -> Array:
    """The array behind state[name]; at first one of the parameter's shape, dtype and memory order, full of `start`."""
    if name not in state:
        with on_gpu_of((param._array,)):
            state[name] = Tensor(array_module(param._array).full_like(param._array, start))
    return state[name]._array


def taken_over(array: Array, param: Tensor) -> Tensor:
    """A copy of an array of another optimizer's state: beside the parameter, in its dtype; a counter on the CPU."""
    place, dtype = (param.device, param.dtype) if array.ndim else ("cpu", array.dtype)
    here = moved(array, place)
    with on_gpu_of((here,)):
        return Tensor(here.astype(dtype))
