"""How long one waits before anything happens: `python -m benchmarks.startup`.

Four waits, each from the start of a fresh process to its end: `import numpy`, `import minitorch_cv`, LeNet's first
training step with compiled kernels on disk, and the very first, on an empty cache, which says what it waits for. Python
itself starting and ending is in each figure, and in a row of its own. Results go to benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .machine import machine

RESULTS = Path(__file__).parent / "results" / "startup.json"
FIRST_STEP = """
import minitorch_cv as torch
from minitorch_cv import models, nn
net = models.lenet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
nn.CrossEntropyLoss()(net(torch.randn(256, 1, 28, 28)), torch.randint(0, 10, (256,))).backward()
optimizer.step()
"""
ROWS = {
    "python alone": "pass",
    "import numpy": "import numpy",
    "import minitorch_cv": "import sys, minitorch_cv; assert 'numba' not in sys.modules",
    "first LeNet step": FIRST_STEP,
}
FIRST_EVER = "first LeNet step ever"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=9, help="processes for each row (default: 9)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ever, said = run(FIRST_STEP, folder)
        print(f"said on an empty cache: {said.strip()}")
        seconds: dict[str, list[float]] = {name: [] for name in ROWS}
        for _ in range(options.turns):
            for name, program in ROWS.items():
                seconds[name].append(run(program, folder)[0])
    rows = {
        name: {"median_s": round(statistics.median(s), 3), "least_s": round(min(s), 3)} for name, s in seconds.items()
    }
    rows[FIRST_EVER] = {"median_s": round(ever, 3), "least_s": round(ever, 3)}
    for name, row in rows.items():
        print(f"{name:24}{row['median_s']:8.3f} s   (least {row['least_s']:.3f} s)")
    report = {"what": "seconds of a fresh process", "machine": machine(), "said": said.strip(), "results": rows}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")


def run(program: str, cache: str) -> tuple[float, str]:
    """(seconds, what it said on standard error) of a process with its compiled kernels in `cache`."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # the modules' bytecode is in its place, as it is for users
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, done.stderr


if __name__ == "__main__":
    main()
