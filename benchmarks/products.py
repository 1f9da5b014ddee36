"""GFLOP/s of matrix products and convolutions, beside PyTorch's where it is installed.

    python -m benchmarks.products --threads 1 --only matmul,1x1

Each figure is the fastest of several repetitions; PyTorch's is the better of its default layout and channels_last.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .machine import machine

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

SHORTEST = 0.02  # seconds that the calls of one repetition last at least


class Row(NamedTuple):
    """One line of the table."""

    kind: str
    label: str
    flops: float
    ours: Callable[[], Any]
    theirs: list[Callable[[], Any]]


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


def products() -> Iterator[Row]:
    """Matrix products: square, and those of linear layers with batch-last activations."""
    from minitorch_kernels.matmul import matmul

    rng = np.random.default_rng(0)
    for label, a_shape, b_shape in PRODUCTS:
        a, b = (rng.standard_normal(shape, np.float32) for shape in (a_shape, b_shape))
        if " dx " in label:
            a = np.ascontiguousarray(a.T).T  # dx = wᵀ dy reads the weight transposed
        if " dw " in label:
            b = np.ascontiguousarray(b.T).T  # dw = dy xᵀ reads the activation transposed
        theirs: list[Callable[[], Any]] = []
        if torch is not None:
            a_, b_ = torch.from_numpy(a), torch.from_numpy(b)
            theirs = [lambda a=a_, b=b_: a @ b]
        flops = 2.0 * a_shape[0] * a_shape[1] * b_shape[1]
        yield Row("matmul", label, flops, lambda a=a, b=b: matmul(a, b), theirs)


def convolutions(kind: str) -> Iterator[Row]:
    """Forward and both gradients of each convolution of `kind`; without dx where there is one channel."""
    from minitorch_kernels.conv2d import conv2d, conv2d_input_grad, conv2d_weight_grad
    from minitorch_kernels.layout import empty_batch_last

    rng = np.random.default_rng(0)
    for conv in CONVS[kind]:
        N, C, O, size, kernel, stride, padding, groups = conv
        out = (size + 2 * padding - kernel) // stride + 1
        x, dy = empty_batch_last((N, C, size, size), np.float32), empty_batch_last((N, O, out, out), np.float32)
        for array in (x, dy):
            array[...] = rng.standard_normal(array.shape, np.float32)
        w = rng.standard_normal((O, C // groups, kernel, kernel), np.float32)
        window = (stride, stride), (padding, padding), (1, 1), groups
        flops = 2.0 * dy.size * w[0].size
        ours = {
            "y ": lambda x=x, w=w, window=window: conv2d(x, w, None, *window),
            "dx": lambda dy=dy, w=w, size=size, window=window: conv2d_input_grad(dy, w, (size, size), *window),
            "dw": lambda dy=dy, x=x, kernel=kernel, window=window: conv2d_weight_grad(dy, x, (kernel, kernel), *window),
        }
        for name, run in ours.items():
            if name != "dx" or C > 1:
                yield Row(kind, f"{conv} {name}", flops, run, torch_convolutions(name, x, w, dy, window))


def torch_convolutions(name: str, x: np.ndarray, w: np.ndarray, dy: np.ndarray, window: Any) -> list[Callable[[], Any]]:
    """The same work in PyTorch, in its default layout and in channels_last."""
    if torch is None:
        return []
    stride, padding, dilation, groups = window
    runs = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        x_, w_, dy_ = (
            torch.from_numpy(np.ascontiguousarray(a)).contiguous(memory_format=memory_format) for a in (x, w, dy)
        )
        if name == "y ":
            runs.append(lambda x=x_, w=w_: torch.conv2d(x, w, None, stride, padding, dilation, groups))
        else:
            wanted = [name == "dx", name == "dw", False]
            runs.append(
                lambda x=x_, w=w_, dy=dy_, wanted=wanted: torch.ops.aten.convolution_backward(
                    dy, x, w, None, stride, padding, dilation, False, (0, 0), groups, wanted
                )
            )
    return runs


def fastest(run: Callable[[], Any], repeat: int, clock: Callable[[], float]) -> float:
    """Seconds of one call: the least of `repeat` repetitions."""
    run()
    begin = clock()
    run()
    calls = max(1, int(SHORTEST / (clock() - begin)))
    times = []
    for _ in range(repeat):
        begin = clock()
        for _ in range(calls):
            run()
        times.append((clock() - begin) / calls)
    return min(times)


def main() -> None:
    kinds = ["matmul", *CONVS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--only", default=",".join(kinds), help=f"a list of: {', '.join(kinds)}")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--busy", action="store_true", help="count processor time: for one thread on a busy machine")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    options = parser.parse_args()

    from minitorch_kernels.jit import load_numba

    load_numba().set_num_threads(options.threads)
    if torch is not None:
        torch.set_num_threads(options.threads)
    clock = time.thread_time if options.busy else time.perf_counter
    results = []
    print(f"{'':52}{'ms':>9}{'GFLOP/s':>9}{'PyTorch':>9}{'ratio':>7}")
    for kind in options.only.split(","):
        for row in products() if kind == "matmul" else convolutions(kind):
            ours = fastest(row.ours, options.repeat, clock)
            theirs = [] if options.no_torch else [fastest(run, options.repeat, clock) for run in row.theirs]
            result = {"kind": row.kind, "label": row.label, "gflops": row.flops / ours / 1e9, "ms": ours * 1e3}
            line = f"{row.label:52}{result['ms']:9.3f}{result['gflops']:9.1f}"
            if theirs:
                result |= {"torch_gflops": row.flops / min(theirs) / 1e9, "ratio": min(theirs) / ours}
                line += f"{result['torch_gflops']:9.1f}{result['ratio']:7.2f}"
            print(line, flush=True)
            results.append(result)
    if options.json:
        options.json.write_text(
            json.dumps({"machine": machine(), "threads": options.threads, "rows": results}, indent=1)
        )


if __name__ == "__main__":
    main()
