"""GFLOP/s of matrix products and convolutions, beside PyTorch's where it is installed.

    python -m benchmarks.products --threads 1 --only matmul,1x1

Each library works in a process of its own, so that idle threads of one do not keep the other's from their work, and
they take turns. A figure is the fastest turn; PyTorch's is the better of its default layout and channels_last. The
results that are kept are those of `--threads 2 --json benchmarks/results/products.json`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .machine import machine

SHORTEST = 0.03  # seconds that the calls of one turn last at least
PAUSE = 0.005  # seconds in which the other process's threads fall asleep
Runs = list[Callable[[], Any]]


class Row(NamedTuple):
    """One line of the table; `ours()` and `theirs()` give what to time."""

    kind: str
    label: str
    flops: float
    ours: Callable[[], Runs]
    theirs: Callable[[], Runs]


class Conv(NamedTuple):
    """One convolution: batch, channels in and out, height and width, kernel, stride, padding, groups."""

    N: int
    C: int
    O: int
    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def __str__(self) -> str:
        groups = f" groups {self.groups}" if self.groups > 1 else ""
        return f"{self.N}x{self.C}x{self.size} -> {self.O}, {self.kernel}x{self.kernel} s{self.stride}{groups}"


PRODUCTS = [
    ("2048 x 2048 @ 2048 x 2048", (2048, 2048), (2048, 2048)),
    ("linear y   4096 x 6400 @ 6400 x 32", (4096, 6400), (6400, 32)),
    ("linear dx  6400 x 4096 @ 4096 x 32", (6400, 4096), (4096, 32)),
    ("linear dw  4096 x 32 @ 32 x 6400", (4096, 32), (32, 6400)),
    ("linear y   4096 x 6400 @ 6400 x 128", (4096, 6400), (6400, 128)),
    ("linear dx  6400 x 4096 @ 4096 x 128", (6400, 4096), (4096, 128)),
    ("linear dw  4096 x 128 @ 128 x 6400", (4096, 128), (128, 6400)),
    ("LeNet fc1 y   120 x 400 @ 400 x 256", (120, 400), (400, 256)),
    ("LeNet fc1 dx  400 x 120 @ 120 x 256", (400, 120), (120, 256)),
    ("LeNet fc1 dw  120 x 256 @ 256 x 400", (120, 256), (256, 400)),
    ("LeNet fc2 y   84 x 120 @ 120 x 256", (84, 120), (120, 256)),
    ("LeNet fc2 dx  120 x 84 @ 84 x 256", (120, 84), (84, 256)),
    ("LeNet fc2 dw  84 x 256 @ 256 x 120", (84, 256), (256, 120)),
    ("LeNet fc3 y   10 x 84 @ 84 x 256", (10, 84), (84, 256)),
    ("LeNet fc3 dx  84 x 10 @ 10 x 256", (84, 10), (10, 256)),
    ("LeNet fc3 dw  10 x 256 @ 256 x 84", (10, 256), (256, 84)),
]

CONVS = {
    "1x1": [
        Conv(64, 256, 64, 12, 1),
        Conv(64, 480, 192, 12, 1),
        Conv(64, 528, 128, 6, 1),
        Conv(64, 832, 384, 3, 1),
        Conv(32, 96, 96, 54, 1),
        Conv(64, 64, 64, 24, 1),
        Conv(64, 192, 16, 12, 1),
        Conv(64, 64, 128, 24, 1, stride=2),
        Conv(64, 256, 512, 6, 1, stride=2),
    ],
    "strided": [
        Conv(64, 64, 128, 24, 3, stride=2, padding=1),
        Conv(64, 256, 512, 6, 3, stride=2, padding=1),
        Conv(64, 1, 64, 96, 7, stride=2, padding=3),
        Conv(32, 1, 96, 224, 11, stride=4, padding=1),
    ],
    "3x3": [
        Conv(64, 64, 64, 24, 3, padding=1),
        Conv(64, 128, 128, 12, 3, padding=1),
        Conv(64, 256, 256, 6, 3, padding=1),
        Conv(64, 512, 512, 3, 3, padding=1),
        Conv(32, 64, 128, 56, 3, padding=1),
        Conv(64, 64, 32, 24, 3, padding=1),
        Conv(32, 256, 384, 12, 3, padding=1),
    ],
    "5x5": [Conv(32, 96, 256, 26, 5, padding=2), Conv(64, 32, 96, 12, 5, padding=2)],
    "few": [
        Conv(256, 1, 6, 28, 5, padding=2),
        Conv(256, 6, 16, 14, 5),
        Conv(32, 1, 16, 224, 3, padding=1),
        Conv(32, 16, 32, 112, 3, padding=1),
        Conv(64, 16, 32, 12, 5, padding=2),
    ],
    "grouped": [
        Conv(64, 64, 64, 24, 3, padding=1, groups=64),
        Conv(64, 128, 128, 24, 3, stride=2, padding=1, groups=128),
        Conv(64, 128, 128, 12, 3, padding=1, groups=32),
        Conv(64, 96, 96, 24, 1, groups=3),
    ],
    "small batch": [
        Conv(1, 64, 64, 56, 3, padding=1),
        Conv(4, 64, 128, 56, 3, stride=2, padding=1),
        Conv(4, 3, 64, 224, 7, stride=2, padding=3),
        Conv(1, 64, 64, 56, 3, stride=2, padding=1, groups=64),
        Conv(4, 64, 64, 56, 3, padding=1, groups=64),
    ],
}  # fmt: skip


def rows(kinds: list[str]) -> Iterator[Row]:
    """All lines of the table."""
    for kind in kinds:
        yield from products() if kind == "matmul" else convolutions(kind)


def products() -> Iterator[Row]:
    """Matrix products: square, and those of linear layers with batch-last activations."""
    rng = np.random.default_rng(0)
    for label, a_shape, b_shape in PRODUCTS:
        a, b = (rng.standard_normal(shape, np.float32) for shape in (a_shape, b_shape))
        if " dx " in label:
            a = np.ascontiguousarray(a.T).T  # dx = wᵀ dy reads the weight transposed
        if " dw " in label:
            b = np.ascontiguousarray(b.T).T  # dw = dy xᵀ reads the activation transposed
        flops = 2.0 * a_shape[0] * a_shape[1] * b_shape[1]
        yield Row("matmul", label, flops, lambda a=a, b=b: our_product(a, b), lambda a=a, b=b: torch_product(a, b))


def our_product(a: np.ndarray, b: np.ndarray) -> Runs:
    from minitorch_kernels.matmul import matmul

    return [lambda: matmul(a, b)]


def torch_product(a: np.ndarray, b: np.ndarray) -> Runs:
    import torch

    a_, b_ = torch.from_numpy(a), torch.from_numpy(b)
    return [lambda: a_ @ b_]


def convolutions(kind: str) -> Iterator[Row]:
    """Forward and both gradients of each convolution of `kind`; without dx where there is one channel."""
    rng = np.random.default_rng(0)
    for conv in CONVS[kind]:
        out = (conv.size + 2 * conv.padding - conv.kernel) // conv.stride + 1
        x, dy = (
            rng.standard_normal(shape, np.float32)
            for shape in ((conv.N, conv.C, conv.size, conv.size), (conv.N, conv.O, out, out))
        )
        w = rng.standard_normal((conv.O, conv.C // conv.groups, conv.kernel, conv.kernel), np.float32)
        for name in ("y", "dx", "dw"):
            if name != "dx" or conv.C > 1:
                given = name, conv, x, w, dy
                yield Row(
                    kind,
                    f"{conv} {name}",
                    2.0 * dy.size * w[0].size,
                    lambda given=given: our_convolution(*given),
                    lambda given=given: torch_convolutions(*given),
                )


def our_convolution(name: str, conv: Conv, x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> Runs:
    from minitorch_kernels.conv2d import conv2d, conv2d_input_grad, conv2d_weight_grad
    from minitorch_kernels.layout import as_batch_first, stored_batch_last

    x, dy = (as_batch_first(stored_batch_last(array)) for array in (x, dy))
    window = (conv.stride, conv.stride), (conv.padding, conv.padding), (1, 1), conv.groups
    if name == "y":
        return [lambda: conv2d(x, w, None, *window)]
    if name == "dx":
        return [lambda: conv2d_input_grad(dy, w, (conv.size, conv.size), *window)]
    return [lambda: conv2d_weight_grad(dy, x, (conv.kernel, conv.kernel), *window)]


def torch_convolutions(name: str, conv: Conv, x: np.ndarray, w: np.ndarray, dy: np.ndarray) -> Runs:
    """The same work in PyTorch, in its default layout and in channels_last."""
    import torch

    runs: Runs = []
    window = (conv.stride, conv.stride), (conv.padding, conv.padding), (1, 1)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        x_, w_, dy_ = (torch.from_numpy(a).contiguous(memory_format=memory_format) for a in (x, w, dy))
        if name == "y":
            runs.append(lambda x=x_, w=w_: torch.conv2d(x, w, None, *window, conv.groups))
        else:
            wanted = [name == "dx", name == "dw", False]
            runs.append(
                lambda x=x_, w=w_, dy=dy_, wanted=wanted: torch.ops.aten.convolution_backward(
                    dy, x, w, None, *window, False, (0, 0), conv.groups, wanted
                )
            )
    return runs


class Side:
    """A process that times the rows with one library: `next_row()`, then `turn()` as often as wanted."""

    def __init__(self, library: str, options: argparse.Namespace):
        command = [sys.executable, "-m", "benchmarks.products", "--library", library]
        command += ["--threads", str(options.threads), "--only", options.only, *(["--busy"] if options.busy else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def next_row(self) -> None:
        """Have the next row ready."""
        self.ask("next")

    def turn(self) -> float:
        """Seconds of one call, the other process being idle."""
        time.sleep(PAUSE)
        return float(self.ask("turn"))

    def ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"a process ended early: {self.process.args}")
        return answer


def answer(options: argparse.Namespace) -> None:
    """The other end of a `Side`."""
    if options.library == "torch":
        import torch

        torch.set_num_threads(options.threads)
    else:
        from minitorch_kernels.jit import load_numba

        load_numba().set_num_threads(options.threads)
    clock = time.thread_time if options.busy else time.perf_counter
    remaining = rows(options.only.split(","))
    for line in sys.stdin:
        if line == "next\n":
            row = next(remaining)
            runs = row.theirs() if options.library == "torch" else row.ours()
            calls = [calls_in_a_turn(run, clock) for run in runs]
            print("ready", flush=True)
        else:
            print(min(timed(run, count, clock) for run, count in zip(runs, calls)), flush=True)


def calls_in_a_turn(run: Callable[[], Any], clock: Callable[[], float]) -> int:
    """How many calls last as long as a turn should."""
    run()
    return max(1, int(SHORTEST / timed(run, 1, clock)))


def timed(run: Callable[[], Any], calls: int, clock: Callable[[], float]) -> float:
    """Seconds of one of so many calls."""
    begin = clock()
    for _ in range(calls):
        run()
    return (clock() - begin) / calls


def main() -> None:
    options = arguments()
    if options.library is not None:
        answer(options)
        return
    with_torch = not options.no_torch and importlib.util.find_spec("torch") is not None
    sides = [Side(library, options) for library in ("ours", "torch")[: 1 + with_torch]]
    results = []
    print(f"{'':52}{'ms':>9}{'GFLOP/s':>9}{'PyTorch':>9}{'ratio':>7}")
    for row in rows(options.only.split(",")):
        for side in sides:
            side.next_row()
        turns = [[side.turn() for side in sides] for _ in range(options.repeat)]
        ours, *theirs = map(min, zip(*turns))
        result = {"kind": row.kind, "label": row.label, "gflops": row.flops / ours / 1e9, "ms": ours * 1e3}
        line = f"{row.label:52}{result['ms']:9.3f}{result['gflops']:9.1f}"
        if theirs:
            result |= {"torch_gflops": row.flops / theirs[0] / 1e9, "ratio": theirs[0] / ours}
            line += f"{result['torch_gflops']:9.1f}{result['ratio']:7.2f}"
        print(line, flush=True)
        results.append(result)
    if options.json:
        conditions = {"threads": options.threads, "precision": "float32", "machine": machine()}
        report = {"what": "products and convolutions, GFLOP/s", **conditions, "results": results}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    kinds = ["matmul", *CONVS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.products",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of each library (default: 1)")
    parser.add_argument("--repeat", type=int, default=7, help="turns of each library (default: 7)")
    parser.add_argument("--only", default=",".join(kinds), help=f"a list of: {', '.join(kinds)}")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--busy", action="store_true", help="count processor time: for one thread on a busy machine")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--library", choices=("ours", "torch"), help=argparse.SUPPRESS)  # what a `Side` is started with
    return parser.parse_args()


if __name__ == "__main__":
    main()
