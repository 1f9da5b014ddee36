"""GPUs, under torch's names. A device is given as `device("cuda:1")`, its text or its number; None is the first one.

Without a GPU, or without CuPy to use it with, `is_available()` is False, there is nothing to wait for and no memory in
use; `get_device_name` says in its RuntimeError what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minitorch_kernels.cuda.graph import memory_of_graphs
from minitorch_kernels.cupy_here import cupy_module, why_no_gpu

from .device import device as to_device
from .device import usable
from .out_of_memory import OutOfMemoryError as OutOfMemoryError
from .random import generator_on, seed_gpu, seed_gpus


def is_available() -> bool:
    """True where tensors can be moved to a GPU."""
    return not why_no_gpu()


def device_count() -> int:
    """The number of GPUs that can be used."""
    return cupy_module().cuda.runtime.getDeviceCount() if is_available() else 0


def named(device: Any) -> Any:
    """A device, its text or its number, or None -> a device, or its text."""
    return to_device("cuda", device) if isinstance(device, int) else device or "cuda"


@contextmanager
def chosen(device: Any) -> Iterator[Any]:
    """CuPy, with this GPU for the present one inside the `with` block."""
    place = usable(named(device))
    if place.type != "cuda":
        raise ValueError(f"a GPU is asked for, 'cuda' or 'cuda:0', not {str(place)!r}")
    cupy = cupy_module()
    with cupy.cuda.Device(place.index or 0):
        yield cupy


def get_device_name(device: Any = None) -> str:
    """What the GPU is called, for instance "NVIDIA H100 80GB HBM3"."""
    with chosen(device) as cupy:
        return cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()


def synchronize(device: Any = None) -> None:
    """Wait until the GPU's work is done; nothing to wait for without one."""
    if is_available():
        with chosen(device) as cupy:
            cupy.cuda.runtime.deviceSynchronize()


def memory_allocated(device: Any = None) -> int:
    """The bytes of the GPU's memory that arrays take, and steps that were captured there; 0 without a GPU."""
    if not is_available():
        return 0
    with chosen(device) as cupy:
        return in_use(cupy)


def in_use(cupy: Any) -> int:
    """The bytes of the current GPU that cannot be given to others."""
    return cupy.get_default_memory_pool().used_bytes() + memory_of_graphs()


_peaks: dict[int, int] = {}  # the largest number of bytes in use so far, by GPU, once somebody asked


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that were in use at a time, counted as in `memory_allocated`; 0 without a GPU.

    Counted from the first call of this function or of `reset_peak_memory_stats`, in the thread that called it: before,
    nobody looks.
    """
    if not is_available():
        return 0
    with chosen(device) as cupy:
        number = cupy.cuda.Device().id
    if number not in _peaks:
        reset_peak_memory_stats(device)
    return _peaks[number]


def reset_peak_memory_stats(device: Any = None) -> None:
    """Let `max_memory_allocated` count from what is in use now."""
    if is_available():
        with chosen(device) as cupy:
            if not _peaks:
                watch_memory(cupy)
            _peaks[cupy.cuda.Device().id] = in_use(cupy)


def watch_memory(cupy: Any) -> None:
    """Have CuPy tell of each array's memory from now on."""

    class Watch(cupy.cuda.MemoryHook):
        name = "minitorch_cv.cuda.max_memory_allocated"

        def malloc_postprocess(self, *, device_id: int, **rest: Any) -> None:
            if device_id in _peaks:
                _peaks[device_id] = max(_peaks[device_id], in_use(cupy))

    Watch().__enter__()


def empty_cache() -> None:
    """Give memory that nobody uses back to the GPU, for other programs; nothing happens without one.

    What a captured step has in use goes with the step: when nothing refers to it any more.
    """
    if is_available():
        cupy_module().get_default_memory_pool().free_all_blocks()


def manual_seed(seed: int) -> None:
    """Seed the generator of the first GPU, and that of the simulated one; nothing happens where there is none."""
    for name in ("cuda", "cuda-sim"):
        seed_gpu(seed, name)


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs; nothing happens where there is none."""
    seed_gpus(seed)


def get_rng_state(device: Any = None) -> dict[str, Any]:
    """The state of a GPU's generator, a dictionary of plain numbers where torch has bytes."""
    return generator_on(named(device)).get_state()


def set_rng_state(new_state: dict[str, Any], device: Any = None) -> None:
    """Go on from a state that `get_rng_state` gave, on any GPU."""
    generator_on(named(device)).set_state(new_state)
