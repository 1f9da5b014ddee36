"""Compiles every CUDA kernel for three generations of GPUs, without a GPU: `python -m tools.compile_cuda [FILE ...]`.

Shows the registers and shared memory of each kernel, and fails where nvcc finds an error, and where a kernel needs a
stack in memory: for more local variables than registers, which spill, or for an array that is indexed by a variable.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from minitorch_kernels.cuda.launch import whole_text

PACKAGE = Path(__file__).parent.parent / "kernels" / "minitorch_kernels"
TARGETS = ("sm_75", "sm_80", "sm_90a")
WIDTH = 110  # of the table, wherever it is printed
SHOWN = 2000  # characters of what nvcc says about a file that does not compile
FUNCTION = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads"
    r".*?Used (\d+) registers(?:[^\n]*?(\d+) bytes smem)?",
    re.DOTALL,
)


class Kernel(NamedTuple):
    """What the assembler says of one kernel; shared memory, stack and spilled variables in bytes."""

    name: str
    registers: int
    shared: int
    stack: int
    spilled: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.compile_cuda", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=".cu files (default: all of the package)")
    parser.add_argument("--target", action="append", metavar="ARCH", help=f"default: {', '.join(TARGETS)}")
    options = parser.parse_args()
    if shutil.which("nvcc") is None:
        parser.error("there is no nvcc; install NVIDIA's CUDA toolkit, its compiler is enough")
    files = options.files or sorted(PACKAGE.rglob("*.cu"))
    targets = options.target or TARGETS
    work = [(file, real, target) for file in files for real in ("float", "double") for target in targets]
    table = Table("kernel", "REAL", "target", *(Column(n, justify="right") for n in Kernel._fields[1:]), box=SIMPLE)
    problems = []
    with ThreadPoolExecutor() as pool:
        said = track(pool.map(lambda item: compiled(*item), work), "nvcc", len(work), console=Console(stderr=True))
        for (file, real, target), text in zip(work, said):
            kernels = kernels_of(text)
            for kernel in kernels:
                table.add_row(kernel.name, real, target, *(str(n or "") for n in kernel[1:]))
                if kernel.stack or kernel.spilled:
                    problems.append(f"{kernel.name} of {real} for {target} keeps variables in memory")
            if not kernels:
                problems.append(f"{file.name} of {real} for {target} does not compile:\n{text[:SHOWN]}")
    Console(width=WIDTH).print(table)
    sys.exit("\n".join(problems) or 0)


def kernels_of(said: str) -> list[Kernel]:
    """The kernels of a file by what ptxas says of it; none where it did not compile."""
    return [
        Kernel(name, int(registers), int(shared or 0), int(stack), int(stores) + int(loads))
        for name, stack, stores, loads, registers, shared in FUNCTION.findall(said)
    ]


def compiled(file: Path, real: str, target: str) -> str:
    """What nvcc and its assembler say of a file."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / file.name
        text.write_text(f"#define REAL {real}\n{whole_text(file)}", encoding="utf-8")  # as CuPy is given it
        command = ["nvcc", f"-arch={target}", "-std=c++17", "-cubin", "-Xptxas", "-v", "-Werror", "all-warnings"]
        done = subprocess.run([*command, str(text), "-o", "/dev/null"], capture_output=True, text=True)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
