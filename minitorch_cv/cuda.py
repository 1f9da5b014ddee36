"""GPUs, under torch's names."""

from __future__ import annotations

import sys
from typing import Any

from minitorch_kernels.arrays import why_no_gpu

from .random import generator_on, seed_gpu, seed_gpus


def is_available() -> bool:
    """True where tensors can be moved to a GPU."""
    return not why_no_gpu()


def device_count() -> int:
    """The number of GPUs that can be used."""
    return sys.modules["cupy"].cuda.runtime.getDeviceCount() if is_available() else 0


def synchronize(device: Any = None) -> None:
    """Wait until the GPU's work is done; nothing to wait for without one."""
    if is_available():
        sys.modules["cupy"].cuda.runtime.deviceSynchronize()


def memory_allocated(device: Any = None) -> int:
    """The bytes of the GPU's memory that arrays take; 0 without a GPU."""
    return sys.modules["cupy"].get_default_memory_pool().used_bytes() if is_available() else 0


def manual_seed(seed: int) -> None:
    """Seed the generator of the first GPU, and that of the simulated one; nothing happens where there is none."""
    for name in ("cuda", "cuda-sim"):
        seed_gpu(seed, name)


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs; nothing happens where there is none."""
    seed_gpus(seed)


def get_rng_state(device: Any = "cuda") -> dict[str, Any]:
    """The state of a GPU's generator, a dictionary of plain numbers where torch has bytes."""
    return generator_on(device).get_state()


def set_rng_state(new_state: dict[str, Any], device: Any = "cuda") -> None:
    """Go on from a state that `get_rng_state` gave, on any GPU."""
    generator_on(device).set_state(new_state)
