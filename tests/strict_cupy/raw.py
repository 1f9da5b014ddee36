"""Kernels from source: the text that CuPy would compile is looked up, and the simulator runs its file."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from minitorch_kernels.cuda import simulator
from minitorch_kernels.cuda.launch import PACKAGE, whole_text
from minitorch_kernels.sim_arrays import SimArray

from . import devices
from .arrays import ndarray
from .streams import submit

LIMITS = (1 << 31) - 1, (1 << 16) - 1, (1 << 16) - 1  # of a grid
THREADS = 1024  # in a block, at most


@functools.cache
def sources() -> dict[str, Path]:
    """The .cu files by the text that is compiled of them."""
    return {whole_text(path): path for path in PACKAGE.rglob("*.cu")}


class RawModule:
    """Stands for cupy.RawModule."""

    def __init__(
        self,
        *,
        code: str | None = None,
        path: str | None = None,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
        translate_cucomplex: bool = False,
        enable_cooperative_groups: bool = False,
        name_expressions: Any = None,
        jitify: Any = None,
    ) -> None:
        if code is None or not isinstance(options, tuple):
            raise TypeError("RawModule: code is a text, and options are a tuple of texts")
        first, text = code.split("\n", 1)
        self.real, self.source = first.removeprefix("#define REAL "), sources().get(text)

    def compile(self, log_stream: Any = None) -> None:
        """The simulator compiles what is launched."""

    def get_function(self, name: str) -> "RawKernel":
        return RawKernel(self, name)


class RawKernel:
    """Stands for cupy.RawKernel."""

    def __init__(self, module: RawModule, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        if any(size > limit for size, limit in zip(grid, LIMITS)) or np.prod(block) > THREADS:
            raise devices.CUDARuntimeError(f"CUDA_ERROR_INVALID_VALUE: invalid argument: grid {grid}, block {block}")
        words = [word(self.name, arg) for arg in args]
        submit(lambda: simulator.launch(self.module.source, self.module.real, self.name, grid, block, words))


def word(kernel: str, arg: Any) -> Any:
    """An argument for the simulator. A GPU would take any address, and read eight bytes where a number has one."""
    if isinstance(arg, ndarray):
        if arg.mem.device_id != devices.get_device():
            raise devices.CUDARuntimeError(
                f"CUDA_ERROR_ILLEGAL_ADDRESS: {kernel}, launched on device {devices.get_device()}, reads memory of "
                f"device {arg.mem.device_id}"
            )
        return arg.held.view(SimArray)
    if isinstance(arg, (np.int64, np.float64)):
        return arg.item()
    raise TypeError(f"{kernel}: an argument of {type(arg)}, where kernels take 8 bytes: np.int64 or np.float64")
