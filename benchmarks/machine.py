"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any


def processor() -> str:
    """The name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def version(package: str) -> str:
    """The installed version of a package, or "not installed"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def machine() -> dict[str, Any]:
    """Processor, cores and versions: what every result file carries."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "llvmlite", "torch", "minitorch-cv")},
    }


def gpu(device: str) -> dict[str, Any]:
    """The GPU, its driver and what computes on it; its name alone for the simulated one, nothing for the CPU."""
    if device == "cpu":
        return {}
    if not device.startswith("cuda") or device.startswith("cuda-sim"):
        return {"gpu": device}
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(int(device.partition(":")[2] or 0))
    return {
        "gpu": properties["name"].decode(),
        "gpu_memory_gb": round(properties["totalGlobalMem"] / 2**30, 1),
        "multiprocessors": properties["multiProcessorCount"],
        "cuda_driver": cupy.cuda.runtime.driverGetVersion(),
        "cuda_runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
    }
