"""Compiles every CUDA kernel for three generations of GPUs, without a GPU: `python -m tools.compile_cuda [FILE ...]`.

Shows the registers and shared memory of each kernel, and fails where nvcc finds an error, or where a kernel has more
local variables than registers, so that they spill to memory.
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

from minitorch_kernels.cuda.launch import whole_text

PACKAGE = Path(__file__).parent.parent / "kernels" / "minitorch_kernels"
TARGETS = ("sm_75", "sm_80", "sm_90a")
SHOWN = 2000  # characters of what nvcc says about a file that does not compile
FUNCTION = re.compile(
    r"Compiling entry function '(\w+)'.*?(\d+) bytes spill stores, (\d+) bytes spill loads.*?Used (\d+) registers"
    r"(?:[^\n]*?(\d+) bytes smem)?",
    re.DOTALL,
)


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
    print(f"{'kernel':32}{'REAL':8}{'target':8}{'registers':>10}{'shared':>8}{'spilled':>9}", flush=True)
    failed = False
    with ThreadPoolExecutor() as pool:
        for (file, real, target), said in zip(work, pool.map(lambda item: compiled(*item), work)):
            rows = FUNCTION.findall(said)
            for name, stores, loads, registers, shared in rows:
                spilled = int(stores) + int(loads)
                failed |= spilled > 0
                print(f"{name:32}{real:8}{target:8}{registers:>10}{shared or 0:>8}{spilled or '':>9}", flush=True)
            if not rows:
                failed = True
                print(f"{file.name} for {target}: {said[:SHOWN]}", flush=True)
    sys.exit("some kernels do not compile, or spill: see above" if failed else 0)


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
