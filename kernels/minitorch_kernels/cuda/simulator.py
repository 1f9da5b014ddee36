"""A GPU simulated on the CPU: g++ compiles the .cu files with `simulator.h`, and a launch runs thread after thread.

It is there to trust kernels where no GPU is: it checks every access to an array and every barrier, and can shuffle the
order of threads and blocks. It is slow, and says nothing about speed.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .. import tape
from ..code_folder import cache_parent, distrust, make_closed, warn_once
from ..sim_arrays import SimArray

KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\(')
OPTIONS = ("-std=c++20", "-O2", "-fno-strict-aliasing", "-ffp-contract=off", "-fPIC", "-shared", "-w", "-x", "c++")
HERE = Path(__file__).parent

shuffle_seed = 0  # the tests set this: threads and blocks run in an order drawn with it; 0 leaves them in order


def launch(source: Path, real: str, name: str, grid: tuple[int, ...], block: tuple[int, ...], args: Any) -> None:
    """Run kernel `name` of a .cu file, compiled for numbers of type `real`, for each thread of grid x block.

    Raises RuntimeError, naming thread and block, for an access outside of an array and for a barrier that not all
    threads reach.
    """
    function = getattr(library(source, real), f"launch_{name}")
    function.restype = ctypes.c_char_p
    shape = (ctypes.c_uint * 6)(*(*grid, 1, 1)[:3], *(*block, 1, 1)[:3])
    words = [word_of(arg) for arg in args]
    pointers = (ctypes.c_void_p * len(words))(*(ctypes.addressof(word) for word in words))

    def run(keeping_alive: Any = (args, words)) -> None:
        error = function(shape, pointers, shuffle_seed)
        if error:
            raise RuntimeError(f"{source.name}: {error.decode()}")

    run()
    if tape.current.tape is not None:
        tape.current.tape.calls.append(run)


def word_of(arg: Any) -> Any:
    """An argument as `Argument::read` in simulator.h takes it."""
    if isinstance(arg, SimArray):
        return (ctypes.c_int64 * 2)(arg.__array_interface__["data"][0], arg.size)
    return ctypes.c_double(arg) if isinstance(arg, float) else ctypes.c_int64(arg)


@functools.cache
def library(source: Path, real: str) -> ctypes.CDLL:
    """The compiled file, built where there is none of this very text."""
    text = program(source, real)
    stamp = hashlib.sha256(f"{text}{compiler_options()}".encode())
    for header in sorted(HERE.glob("*.cuh")) + [HERE / "simulator.h"]:
        stamp.update(header.read_bytes())
    folder = cache_parent() / "simulator"
    path = folder / f"{source.stem}-{real}-{stamp.hexdigest()[:16]}.so"
    try:
        make_closed(folder)
    except OSError as error:
        warn_once(folder, error)
        return built_for_now(text, path.name)
    if not path.exists() or distrust(path):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            built = Path(scratch) / path.name
            compile_program(text, built)
            built.chmod(0o700)
            os.replace(built, path)  # whole, or not at all: other processes may be looking
    return ctypes.CDLL(str(path))


def built_for_now(text: str, name: str) -> ctypes.CDLL:
    """A compiled file that this process alone uses."""
    with tempfile.TemporaryDirectory() as scratch:
        built = Path(scratch) / name
        compile_program(text, built)
        return ctypes.CDLL(str(built))


def program(source: Path, real: str) -> str:
    """The file, and a function that launches each of its kernels."""
    names = KERNEL.findall(source.read_text(encoding="utf-8"))
    entries = "\n".join(
        f'extern "C" const char* launch_{name}(const unsigned* shape, void** given, unsigned seed) '
        f'{{ return sim::launch("{name}", {name}, shape, given, seed); }}'
        for name in names
    )
    return f'#define REAL {real}\n#line 1 "{source}"\n{source.read_text(encoding="utf-8")}\n{entries}\n'


def compiler_options() -> list[str]:
    """Ours, and after them those of $CXXFLAGS."""
    return [*OPTIONS, *shlex.split(os.environ.get("CXXFLAGS", ""))]


def compile_program(text: str, target: Path) -> None:
    """Have g++ (or $CXX) make a shared library. RuntimeError with what it said, or without it what to install."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise RuntimeError(f"cuda-sim needs a C++ compiler, and there is no {compiler}; install g++, or set CXX")
    command = [compiler, *compiler_options(), "-I", str(HERE), "-", "-o", str(target)]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{compiler} could not compile {target.stem}:\n{done.stderr}")
