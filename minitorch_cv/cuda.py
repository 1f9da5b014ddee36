"""GPUs, under torch's names."""

from __future__ import annotations

import sys
from typing import Any

from minitorch_kernels.arrays import why_no_gpu


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
    """Nothing: numbers for the GPU are drawn by the generator that `minitorch_cv.manual_seed` seeds."""


manual_seed_all = manual_seed
