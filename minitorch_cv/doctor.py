"""What this machine has and what minitorch_cv makes of it: the facts behind `minitorch-cv doctor`."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from minitorch_kernels import jit
from minitorch_kernels import threads as threads_of_kernels
from minitorch_kernels.code_folder import distrust
from minitorch_kernels.cupy_here import why_no_gpu

from .data import sources
from .data.published import FASHION_MNIST

LIBRARIES = ("numpy", "numba", "llvmlite", "tbb", "matplotlib", "pillow", "safetensors", "rich", "typer", "pooch")


def facts() -> dict[str, Any]:
    """Everything, in groups, as text and numbers."""
    return {
        "versions": versions(),
        "processor": processor(),
        "cuda": {
            "driver": nvidia_driver(),
            "cupy": cupy_version(),
            "gpu": why_no_gpu() or "ready",
            "cuda-sim": simulator_compiler(),
        },
        "caches": {"kernels": kernel_cache(), "data": describe_folder(sources.cache_folder())},
        "data": data_places(),
    }


def versions() -> dict[str, str]:
    """Of minitorch_cv, Python and the libraries."""
    from . import __version__

    found = {"minitorch_cv": __version__, "python": f"{platform.python_version()} on {platform.platform()}"}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def processor() -> dict[str, Any]:
    """The CPU, and how the compiled kernels use it."""
    return {
        "model": cpu_model(),
        "cores": usable_cores(),
        "threads": threads(),
        "vector_bits": vector_bits(),
        "threading_layer": threading_layer(),
    }


def cpu_model() -> str:
    """The name that the processor gives itself, else its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def usable_cores() -> int:
    """The logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """The threads that parallel kernels use: all cores, unless NUMBA_NUM_THREADS says otherwise."""
    return numba().config.NUMBA_NUM_THREADS


def numba() -> Any:
    """Numba, also where it cannot run kernels."""
    with contextlib.suppress(ValueError):  # `threading_layer` shows it
        jit.load_numba()
    return import_module("numba")


def vector_bits() -> int:
    """The width of the processor's vector registers as the compiler knows them; 0 where it knows of none."""
    numba()
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    widths = {"avx512f": 512, "avx": 256, "sse2": 128, "neon": 128}
    return max((width for name, width in widths.items() if features.get(name)), default=0)


def threading_layer() -> str:
    """Which library Numba runs its threads on, and what that means for kernels called from several threads."""
    try:
        jit.load_numba()
    except ValueError as error:  # NUMBA_THREADING_LAYER names one that is not there
        return f"none: {str(error).splitlines()[0]}"
    if threads_of_kernels.layer is None:
        return "none (NUMBA_DISABLE_JIT is set: kernels run as plain Python)"
    if threads_of_kernels.layer == "workqueue":
        return "workqueue (one kernel at a time, others wait; tbb or omp would run them at once)"
    return f"{threads_of_kernels.layer} (kernels of several threads run at once)"


def nvidia_driver() -> str:
    """The GPUs and the version of their driver, or why there are none."""
    if shutil.which("nvidia-smi") is None:
        return "none found (no nvidia-smi on the path)"
    gpus = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return "; ".join(gpus.splitlines()) or "nvidia-smi is there but reports no GPU"


def cupy_version() -> str:
    """Under which name and version CuPy is installed; it is not imported."""
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"] or ""
        if name.partition("-")[0].lower() == "cupy":
            return f"{name} {distribution.version}"
    return "not installed"


def simulator_compiler() -> str:
    """What compiles CUDA kernels for the simulated GPU."""
    compiler = os.environ.get("CXX", "g++")
    found = output_of(compiler, "--version").splitlines()
    return found[0] if found else f"needs {compiler}, which is not there; install g++, or set CXX"


def output_of(*command: str) -> str:
    """What a command prints, or nothing where it fails, hangs or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def kernel_cache() -> str:
    """The folder of the compiled kernels, and how much older versions of the kernels have left beside it."""
    folder = jit.cache_folder()
    older = [other for other in folder.parent.glob("kernels-*") if other != folder]
    text = describe_folder(folder)
    if folder.exists() and (why := distrust(folder)):
        text += f"; passed over, because {why}; set NUMBA_CACHE_DIR to a folder of your own"
    if older:
        size = sum(folder_size(other) for other in older)
        text += f"; beside it {len(older)} of older sources, {megabytes(size)}, which may be deleted"
    return text


def describe_folder(folder: Path) -> str:
    """A folder and what its files take up."""
    return f"{folder}: {megabytes(folder_size(folder))}" if folder.is_dir() else f"{folder}: not there yet"


def folder_size(folder: Path) -> int:
    """The bytes of all files in a folder and below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def megabytes(size: int) -> str:
    """Bytes as text in MB, with one decimal."""
    return f"{size / 1e6:.1f} MB"


def data_places() -> dict[str, str]:
    """Where Fashion-MNIST is looked for, in the order of looking, and which of these places have it."""
    named, own = os.environ.get(sources.VARIABLE), sources.own_places(FASHION_MNIST)
    places = {f"${sources.VARIABLE}": Path(named).expanduser() if named else None}
    places |= {"system copy" + f" {i}" * (i > 1): folder for i, folder in enumerate(own[:-1], 1)}
    places["user's cache"] = own[-1]
    found = {place: describe_place(folder) for place, folder in places.items()}
    return found | {"built-in subset": "6,000 training and 1,000 test images, always there"}


def describe_place(folder: Path | None) -> str:
    """Whether a folder holds all four files of Fashion-MNIST; their content is not looked at."""
    if folder is None:
        return "not set"
    return f"{folder}: {'found' if sources.complete_source(FASHION_MNIST, folder) else 'nothing there'}"
