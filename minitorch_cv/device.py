"""Where a tensor lives: on the CPU, on a GPU, or on the simulated GPU that runs the same kernels without one."""

from __future__ import annotations

import sys
from typing import Any

from minitorch_kernels.arrays import Array, is_cupy, on_cpu, on_gpu
from minitorch_kernels.cupy_here import why_no_gpu
from minitorch_kernels.sim_arrays import SimArray

from .out_of_memory import telling

TYPES = ("cpu", "cuda", "cuda-sim")


class device:
    """`device("cpu")`, `device("cuda")` or `device("cuda", 1)`; equal to, and accepted as, its text.

    "cuda-sim" runs the CUDA kernels on the CPU, slowly and with every access checked: for learning and for tests.
    """

    def __init__(self, type: Any, index: int | None = None):
        text = str(type)
        name, _, number = text.partition(":")
        if name not in TYPES or (number and not number.isdigit()):
            raise ValueError(f"unknown device {text!r}; choose 'cpu', 'cuda', 'cuda:0' or 'cuda-sim'")
        self.type = name
        self.index = int(number) if number else index

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            other = device(other)
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (f", index={self.index})" if self.index is not None else ")")


CPU, SIMULATED = device("cpu"), device("cuda-sim")


def device_of(array: Array) -> device:
    """Where an array lies."""
    if isinstance(array, SimArray):
        return SIMULATED
    return device("cuda", array.device.id) if is_cupy(array) else CPU


def lies_on(array: Array, place: device) -> bool:
    """Whether an array is on a device already; 'cuda' without a number is any GPU."""
    here = device_of(array)
    return here == place or (here.type == place.type and place.index is None)


def moved(array: Array, place: Any) -> Array:
    """`array` on a device: itself where it lies there, else a copy. RuntimeError where there is no such device."""
    place = usable(place)
    if lies_on(array, place):
        return array
    if place.type == "cpu":
        return on_cpu(array)
    with telling(f"moving an array of shape {array.shape} to {place}"):
        return on_gpu(array, place.type, place.index or 0)


def usable(place: Any) -> device:
    """`place` as a device; RuntimeError where it is a GPU and there is none, or nothing to use it with."""
    place = device(place)
    if place.type == "cuda":
        problem = why_no_gpu()
        if problem:
            raise RuntimeError(f"device {str(place)!r}: {problem}")
        count = sys.modules["cupy"].cuda.runtime.getDeviceCount()
        if (place.index or 0) >= count:
            raise RuntimeError(f"device {str(place)!r}: there are {count} GPUs here, 'cuda:0' to 'cuda:{count - 1}'")
    return place
