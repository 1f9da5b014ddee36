"""An optimizer's step on a GPU, for many parameters in one launch: a table says where their elements lie.

The simulated GPU knows from the table how many elements there are, and checks accesses as it does for arguments. The
numbers of a step (learning rate, momentum, ...) lie in the GPU's memory, too: a captured step is launched again without
Python, and reads there what was written last.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .arrays import Array, on_gpu, on_gpu_of
from .cuda import graph
from .cuda.launch import THREADS, launch
from .sim_arrays import SimArray
from .strides import flat, lies_in, memory_axes, unflatten

TASK = 16 * THREADS  # elements that a block updates

Rows = tuple[tuple[int, ...], ...]


class Numbers:
    """The numbers of a captured launch, float64 in the GPU's memory."""

    def __init__(self, values: tuple[float, ...], like: Array):
        self.values = values
        self.array = graph.lasting(np.array(values, np.float64), like)

    def write(self, values: tuple[float, ...]) -> None:
        """Have the next launches read these."""
        if values != self.values:
            self.values = values
            graph.overwrite(self.array, np.array(values, np.float64))


class _Current(threading.local):
    """What becomes of the steps of this thread, besides that they are launched."""

    captured: list[Numbers] | None = None  # takes the numbers of each launch
    refreshed: Iterator[Numbers] | None = None  # gets the numbers of each launch, which is not made


current = _Current()


@contextmanager
def captured(numbers: list[Numbers]) -> Iterator[None]:
    """Inside the `with` block, append the numbers of each launch, which is being captured."""
    current.captured = numbers
    try:
        yield
    finally:
        current.captured = None


@contextmanager
def refreshed(numbers: list[Numbers]) -> Iterator[None]:
    """Inside the `with` block, compute the numbers of the same launches anew, and launch nothing.

    RuntimeError where there are more or fewer launches than were captured.
    """
    current.refreshed = iter(numbers)
    try:
        yield
        if next(current.refreshed, None) is not None:
            raise RuntimeError(f"a captured step has {len(numbers)} launches of its optimizer, and it asks for fewer")
    finally:
        current.refreshed = None


def run_steps_cuda(file: str, name: str, params: Sequence[Sequence[Any]], *numbers: float) -> None:
    """Kernel `name` of `file` on all parameters: for each its array, its gradient and its buffers.

    The kernel is given an array of the parameters' type, the table of tasks, and the numbers as an array of float64.
    All but the gradients change, whatever their strides. A buffer of None is one that the step does not use. Arrays of
    another dtype than the first parameter's raise TypeError.
    """
    if current.refreshed is not None:
        captured_numbers = next(current.refreshed, None)
        if captured_numbers is None:
            raise RuntimeError(f"{name}: a step asks for more launches than were captured")
        captured_numbers.write(numbers)
        return
    with on_gpu_of((params[0][0],)):
        launch_steps(file, name, params, numbers)


def launch_steps(file: str, name: str, params: Sequence[Sequence[Any]], numbers: tuple[float, ...]) -> None:
    """`run_steps_cuda` on the GPU of the parameters."""
    rows, back, keep = [], [], []
    for arrays in params:
        param, grad = arrays[0], arrays[1]
        axes = memory_axes(param)
        elements = [flat(grad if array is None else array, axes) for array in arrays]
        for array, of_array in zip(arrays, elements):
            if of_array.dtype != params[0][0].dtype:
                raise TypeError(f"{name}: an array of {of_array.dtype} beside parameters of {params[0][0].dtype}")
            if array is not None and array is not grad and not lies_in(array, axes):
                back.append((array, of_array, axes))
        rows.append((param.size, *map(address, elements)))
        keep.append(elements)
    like: Any = keep[0][0]
    tasks, values = tables(tuple(rows), numbers, like)
    launch(file, name, (len(tasks),), (THREADS,), like, tasks, values)
    for array, of_array, axes in back:
        array[...] = unflatten(of_array, array.shape, axes)


def alike(numbers: Iterable[Any], params: Iterable[Any]) -> dict[Any, list[Any]]:
    """The parameters for which a number, such as that of their steps, is the same; they can go together."""
    groups: dict[Any, list[Any]] = {}
    for number, arrays in zip(numbers, params, strict=True):
        groups.setdefault(number, []).append(arrays)
    return groups


def address(array: Array) -> int:
    """Where the first element lies, in the GPU's memory."""
    return array.__array_interface__["data"][0] if isinstance(array, SimArray) else array.data.ptr


def tables(rows: Rows, numbers: tuple[float, ...], like: Array) -> tuple[Array, Array]:
    """Tasks and numbers on the device of `like`; those of a captured launch are for it alone."""
    if current.captured is not None:
        current.captured.append(Numbers(numbers, like))
        return graph.lasting(tasks_of(rows, like.dtype.itemsize), like), current.captured[-1].array
    device = ("cuda-sim", 0) if isinstance(like, SimArray) else ("cuda", like.device.id)
    return task_table(rows, like.dtype.itemsize, *device), number_table(numbers, *device)


def tasks_of(rows: Rows, itemsize: int) -> np.ndarray:
    """rows: for each parameter its size and its addresses -> the same for stretches of at most TASK elements, int64."""
    tasks = [np.empty((0, len(rows[0])), np.int64)]
    for size, *addresses in rows:
        starts = np.arange(0, size, TASK)[:, None]  # (tasks, 1)
        tasks.append(np.hstack([np.minimum(size - starts, TASK), np.array(addresses, np.int64) + starts * itemsize]))
    return np.concatenate(tasks)


@functools.lru_cache(maxsize=256)
def task_table(rows: Rows, itemsize: int, device: str, index: int) -> Array:
    """The tasks on a GPU.

    Kept from step to step: memory that is given back and taken again has the same addresses, and no table travels.
    """
    return on_gpu(tasks_of(rows, itemsize), device, index)


@functools.lru_cache(maxsize=256)
def number_table(numbers: tuple[float, ...], device: str, index: int) -> Array:
    """The numbers on a GPU, kept as long as they are in use."""
    return on_gpu(np.array(numbers, np.float64), device, index)
