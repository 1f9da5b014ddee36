"""Running a CUDA kernel: on a GPU through CuPy, on `cuda-sim` through the simulator, as its arrays say."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Array, array_module, is_cupy, on_gpu_of
from ..sim_arrays import SimArray
from .signature import matched

HERE = Path(__file__).parent
PACKAGE = HERE.parent
THREADS = 256  # in a block, where a kernel does not say otherwise
BLOCKS = 2048  # at most, where each thread takes several elements


def launch(file: str | Path, name: str, grid: tuple[int, ...], block: tuple[int, ...], *args: Any) -> None:
    """Run kernel `name` of `file` (relative to the package) for every thread of grid x block.

    The first array chooses the device, the first that the kernel reads as REAL what that means in the file. Arrays have
    to be C-contiguous: kernels are given addresses and know nothing of strides. Numbers arrive as the kernel declares
    them, `Index` (long long) or double. Raises ValueError for an array with strides, TypeError for one of another type.
    """
    arrays = [arg for arg in args if is_cupy(arg) or isinstance(arg, SimArray)]
    for array in arrays:
        if not array.flags.c_contiguous:
            raise ValueError(f"{name}: an array of shape {array.shape} has strides {array.strides}; copy it first")
    kind, converted = matched(PACKAGE / file, name, args)
    if 0 in (*grid, *block):
        return
    if is_cupy(arrays[0]):
        words = [np.float64(a) if isinstance(a, float) else np.int64(a) if isinstance(a, int) else a for a in converted]
        with on_gpu_of(arrays):
            module(PACKAGE / file, kind, arrays[0].device.id).get_function(name)(grid, block, tuple(words))
    else:
        from . import simulator  # here, because the engine's import would wait for what it needs

        simulator.launch(PACKAGE / file, kind, name, grid, block, converted)


def elements(count: int) -> tuple[tuple[int], tuple[int]]:
    """Grid and block for a kernel whose threads share `count` elements out, in steps of `threads()`."""
    return (min(BLOCKS, -(-count // THREADS)),), (THREADS,)


def places(results: int, N: int) -> tuple[tuple[int, int], tuple[int]]:
    """Grid and block for a thread for each of the `results` of an image, in a grid along x; images go along y."""
    return (-(-results // THREADS), min(N, 1 << 15)), (THREADS,)


@functools.cache
def module(source: Path, real: str, device: int) -> Any:
    """The file as CuPy compiled it for a device."""
    import cupy

    return cupy.RawModule(code=f"#define REAL {real}\n{whole_text(source)}", options=("--std=c++17",))


def whole_text(source: Path) -> str:
    """A .cu file with the headers it includes in their places: RawModule is given text, not folders."""

    def header(match: re.Match[str]) -> str:
        return (HERE / match[1]).read_text(encoding="utf-8").replace("#pragma once", "")

    return re.sub(r'#include "(\w+\.cuh)"', header, source.read_text(encoding="utf-8"))


def dense(array: Array) -> Array:
    """`array` itself where it is C-contiguous, else a copy that is."""
    if array.flags.c_contiguous:
        return array
    with on_gpu_of((array,)):
        return array_module(array).ascontiguousarray(array)
