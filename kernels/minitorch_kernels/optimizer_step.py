"""What the optimizers' kernels share: checking the arrays of one parameter, and walking over them as flat memory.

A network has many small parameters, and a call costs more than the step of a small one: where all of them lie as they
should, one call takes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .addresses import address_of
from .kernel import Kernel
from .strides import flat, lies_in, memory_axes, unflatten

CHUNK = 1 << 16  # elements one thread updates at a time; a smaller parameter is not worth waking a second thread

TASK = 1 << 14  # elements of a task where one call takes all parameters

Buffers = Mapping[str, np.ndarray | None]


def check_shapes(kernel: str, param: np.ndarray, grad: np.ndarray, buffers: Buffers) -> None:
    """ValueError where the gradient or a buffer has another shape than the parameter."""
    for name, array in {"grad": grad, **buffers}.items():
        if array is not None and array.shape != param.shape:
            raise ValueError(
                f"{kernel}: {name} has shape {array.shape} but the parameter {param.shape}; "
                "was the optimiser's state saved from another model?"
            )


def run_step(
    kernel: str,
    step_flat: Callable[..., None],
    step_chunks: Callable[..., None],
    param: np.ndarray,
    grad: np.ndarray,
    buffers: Buffers,
    *scalars: float | bool,
) -> None:
    """step(param, grad, *buffers, *scalars) on flat arrays in param's memory order; param and the buffers change.

    A buffer of None is one that the step does not use: the gradient stands in its place. Floats are given in param's
    dtype. `step_chunks` runs where there is more than one chunk.
    """
    check_shapes(kernel, param, grad, buffers)
    axes = memory_axes(param)
    gradient = flat(grad, axes)
    changed = {name: array for name, array in {"param": param, **buffers}.items() if array is not None}
    elements = {name: flat(array, axes) for name, array in changed.items()}
    number = param.dtype.type
    step = step_flat if param.size <= CHUNK else step_chunks
    step(
        elements["param"],
        gradient,
        *(elements.get(name, gradient) for name in buffers),
        *(scalar if isinstance(scalar, bool) else number(scalar) for scalar in scalars),
    )
    for name, array in changed.items():
        if not lies_in(array, axes):  # then its elements are a copy
            array[...] = unflatten(elements[name], array.shape, axes)


def rounded(value: float, array: np.ndarray) -> float:
    """`value` as the array's dtype holds it.

    A running average a v + (1 - a) g must take both factors from the same a: 0.999 and 0.001, each rounded to float32,
    add up to 1 + 1.3e-8, and the average of many steps would be 1.3e-5 too large.
    """
    return float(array.dtype.type(value))


def row_major(grads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The gradients in the order of their parameters' memory; one that lies in another is copied."""
    return [grad if grad.flags.c_contiguous else grad.copy() for grad in grads]


def addresses_of_all(kernel: Kernel, params: Sequence[Sequence[Any]]) -> tuple[np.ndarray, np.ndarray] | None:
    """Where all the arrays lie, and the tasks that one call divides them into; None where each must go by itself.

    params: for each parameter its array, its gradient and its buffers (None for one that is not used: the gradient
    stands in its place). -> addresses (P, arrays) and tasks (T, 3): number of the parameter, first element, elements.
    They go together if compiled code is to run and all are row-major and of one dtype.
    """
    if kernel.pick((params[0][0],)) is not kernel.cpu:
        return None
    table: list[int] = []
    dtype = params[0][0].dtype
    for arrays in params:
        begin, shape = len(table), arrays[0].shape
        for array in arrays:
            if array is None:
                table.append(table[begin + 1])
            elif array.dtype == dtype and array.shape == shape and array.flags.c_contiguous:
                table.append(address_of(array))
            else:
                return None
    tasks = tasks_of(tuple([arrays[0].size for arrays in params]))
    return (np.array(table, np.int64).reshape(len(params), -1), tasks) if len(tasks) else None


@lru_cache(maxsize=64)
def tasks_of(sizes: tuple[int, ...]) -> np.ndarray:
    """(T, 3): number of the parameter, first element, elements; kept from step to step."""
    tasks = [(k, start, min(TASK, size - start)) for k, size in enumerate(sizes) for start in range(0, size, TASK)]
    return np.array(tasks, np.int64)
