"""Whether CuPy can compute here, and what is missing where it cannot."""

from __future__ import annotations

import functools
import importlib.util
import sys
from types import ModuleType


def cupy_module() -> ModuleType:
    """CuPy; RuntimeError that says what is missing where it cannot use a GPU."""
    problem = why_no_gpu()
    if problem:
        raise RuntimeError(problem)
    return sys.modules["cupy"]


def why_no_gpu() -> str:
    """What stands in the way of computing on a GPU, and what to do; empty where nothing does. Imports CuPy."""
    without = "use device='cpu', or 'cuda-sim' to run CUDA kernels without a GPU"
    if importlib.util.find_spec("cupy") is None:
        return (
            "CuPy, which drives the GPU, is not installed: pip install 'minitorch-cv[cuda12]', or [cuda13] where "
            f"nvidia-smi shows CUDA 13 or newer; {without}"
        )
    try:
        import cupy

        if not cupy.cuda.runtime.getDeviceCount():
            return f"there is no GPU; {without}"
    except Exception as error:  # a driver that is missing or too old, CuPy for another CUDA version
        return f"CuPy cannot use the GPU ({type(error).__name__}: {error}{cuda_versions()}); {without}"
    problem = why_nothing_compiles(cupy)
    return f"{problem}; {without}" if problem else ""


@functools.cache
def why_nothing_compiles(cupy: ModuleType) -> str:
    """What CuPy says of an empty kernel, once in a process; empty where it compiles.

    From CuPy 14 on its package has neither the compiler nor CUDA's headers in it; the extra [ctk] brings them.
    """
    try:
        cupy.RawModule(code='extern "C" __global__\nvoid nothing() {}\n').compile()
        return ""
    except Exception as error:
        return (
            f"CuPy cannot compile kernels ({type(error).__name__}: {error}): its compiler and CUDA's headers come with "
            f"pip install 'minitorch-cv[cuda{cupy.cuda.runtime.runtimeGetVersion() // 1000}]'"
        )


def cuda_versions() -> str:
    """What CuPy was built for and what the driver can do, as far as CuPy can be asked."""
    try:
        runtime = sys.modules["cupy"].cuda.runtime
        built, driver = runtime.runtimeGetVersion(), runtime.driverGetVersion()
    except Exception:  # it could not even be imported
        return ""
    able = f"the driver runs up to CUDA {version(driver)}" if driver else "there is no driver"
    package = f"minitorch-cv[cuda{driver // 1000}]"
    advice = f": update the driver, or pip install '{package}'" if 0 < driver < built else ""
    return f"; CuPy is built for CUDA {version(built)}, {able}{advice}"


def version(number: int) -> str:
    """12090 -> 12.9."""
    return f"{number // 1000}.{number % 1000 // 10}"
