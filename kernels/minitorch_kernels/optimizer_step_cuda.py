"""An optimizer's step on a GPU, for many parameters in one launch: a table says where their elements lie.

The simulated GPU knows from the table how many elements there are, and checks accesses as it does for arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import Array, SimArray, on_gpu
from .cuda.launch import THREADS, launch
from .strides import flat, lies_in, memory_axes, unflatten

TASK = 16 * THREADS  # elements that a block updates

Rows = tuple[tuple[int, ...], ...]


def run_steps_cuda(file: str, name: str, params: Sequence[Sequence[Any]], *numbers: float) -> None:
    """Kernel `name` of `file` on all parameters: for each its array, its gradient and its buffers.

    All but the gradients change, whatever their strides. A buffer of None is one that the step does not use. Arrays of
    another dtype than the first parameter's raise TypeError.
    """
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
    device = ("cuda-sim", 0) if isinstance(like, SimArray) else ("cuda", like.device.id)
    tasks = task_table(tuple(rows), like.dtype.itemsize, *device)
    launch(file, name, (len(tasks),), (THREADS,), like, tasks, *numbers)
    for array, of_array, axes in back:
        array[...] = unflatten(of_array, array.shape, axes)


def alike(numbers: Sequence[Any], params: Sequence[Any]) -> dict[Any, list[Any]]:
    """The parameters for which a number, such as that of their steps, is the same; they can go together."""
    groups: dict[Any, list[Any]] = {}
    for number, arrays in zip(numbers, params, strict=True):
        groups.setdefault(number, []).append(arrays)
    return groups


def address(array: Array) -> int:
    """Where the first element lies, in the GPU's memory."""
    return array.__array_interface__["data"][0] if isinstance(array, SimArray) else array.data.ptr


@functools.lru_cache(maxsize=256)
def task_table(rows: Rows, itemsize: int, device: str, index: int) -> Array:
    """rows: for each parameter its size and its addresses -> the same for stretches of at most TASK elements, int64.

    Kept from step to step: memory that is given back and taken again has the same addresses, and no table travels.
    """
    tasks = [np.empty((0, len(rows[0])), np.int64)]
    for size, *addresses in rows:
        starts = np.arange(0, size, TASK)[:, None]  # (tasks, 1)
        tasks.append(np.hstack([np.minimum(size - starts, TASK), np.array(addresses, np.int64) + starts * itemsize]))
    return on_gpu(np.concatenate(tasks), device, index)
