"""Which algorithm is the fastest for each convolution, and which the rule picks: `python -m benchmarks.convolutions`.

For each layer and pass the least time of some repetitions, in milliseconds, of the direct convolution, im2col, and
Winograd's convolution; the algorithm that `minitorch_kernels.conv2d.choice` picks; and, where PyTorch is installed, its
time in channels_last and how many times faster ours is. Time is that of the process's processors divided by the
threads, so that other programs on a busy machine disturb it little.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .machine import machine, version

PASSES = ("y", "dx", "dw")
ALGORITHMS = ("direct", "im2col", "winograd")


class Layer(NamedTuple):
    """A convolution with stride s and padding p on a map of H x H."""

    name: str
    N: int
    C: int
    H: int
    O: int
    K: int = 3
    p: int = 1
    s: int = 1


LAYERS = [
    Layer("resnet18 stage 1", 64, 64, 24, 64),
    Layer("resnet18 stage 2", 64, 128, 12, 128),
    Layer("resnet18 stage 3", 64, 256, 6, 256),
    Layer("resnet18 stage 4", 64, 512, 3, 512),
    Layer("resnet18 stride", 64, 64, 24, 128, s=2),
    Layer("googlenet b2", 64, 64, 24, 192),
    Layer("googlenet 3x3", 64, 96, 12, 128),
    Layer("googlenet 5x5", 64, 16, 12, 32, K=5, p=2),
    Layer("wide map", 64, 96, 28, 128),
    Layer("few channels", 64, 16, 56, 64),
    Layer("densenet growth", 64, 128, 12, 32),
    Layer("vgg11/4 block 2", 32, 32, 56, 64),
    Layer("vgg11/4 block 3", 32, 64, 28, 128),
    Layer("alexnet, nin 5x5", 32, 96, 26, 256, K=5, p=2),
    Layer("5x5", 64, 16, 24, 32, K=5, p=2),
    Layer("lenet conv1", 256, 1, 28, 6, K=5, p=2),
    Layer("lenet conv2", 256, 6, 14, 16, K=5, p=0),
]


def main() -> None:
    options = arguments()
    os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    torch = import_torch(options.threads)
    wanted = [
        layer for layer in LAYERS if not options.shapes or any(s in layer.name for s in options.shapes.split(","))
    ]
    print(f"float32, {options.threads} threads, ms; the last column says how many times faster than PyTorch we are")
    header = "".join(f"{name:>10}" for name in ALGORITHMS)
    print(f"{'layer':18}   N   C   H   O  K  p  s pass{header}  {'rule':14}{'torch':>8}")
    rows = []
    for layer in wanted:
        for row in measure(layer, torch, options.repeat, options.threads):
            rows.append(row)
            print(line(layer, row), flush=True)
    summary(rows)
    if options.json:
        report = {"what": "convolutions, ms", "threads": options.threads, "machine": machine(), "results": rows}
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convolutions", description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of each library (default: 1)")
    parser.add_argument("--repeat", type=int, default=5, help="repetitions, of which the fastest counts (default: 5)")
    parser.add_argument("--shapes", default="", help="layers whose names contain one of these words (default: all)")
    parser.add_argument("--json", metavar="FILE", help="also write the table to FILE")
    return parser.parse_args()


def import_torch(threads: int) -> Any:
    """PyTorch, or None where it is not installed."""
    if version("torch") == "not installed":
        return None
    import torch

    torch.set_num_threads(threads)
    return torch


def measure(layer: Layer, torch: Any, repeat: int, threads: int) -> list[dict[str, Any]]:
    """A row for each pass of a layer."""
    from minitorch_kernels import conv2d, conv2d_input_grad, conv2d_weight_grad, use
    from minitorch_kernels.conv2d import cpu
    from minitorch_kernels.im2col import output_size
    from minitorch_kernels.layout import stored_batch_last

    rng = np.random.default_rng(0)
    options = (layer.s, layer.s), (layer.p, layer.p), (1, 1), 1
    size, kernel = (layer.H, layer.H), (layer.K, layer.K)
    out = output_size(size, kernel, *options[:3])
    x, w, dy = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((layer.N, layer.C, *size), (layer.O, layer.C, *kernel), (layer.N, layer.O, *out))
    )
    x, dy = (np.moveaxis(stored_batch_last(a), -1, 0) for a in (x, dy))
    ours = {
        "y": lambda: conv2d(x, w, None, *options),
        "dx": lambda: conv2d_input_grad(dy, w, size, *options),
        "dw": lambda: conv2d_weight_grad(dy, x, kernel, *options),
    }
    theirs = torch_passes(torch, x, w, dy, layer) if torch else {}
    rows = []
    for name in PASSES:
        row: dict[str, Any] = {"layer": layer._asdict(), "pass": name, "rule": picked(cpu, ours[name])}
        for algorithm in ALGORITHMS:
            with use(algorithm):
                applies = algorithm in picked(cpu, ours[name])
                row[algorithm] = least(ours[name], repeat, threads) if applies else None
        row["torch"] = least(theirs[name], repeat, threads) if theirs else None
        rows.append(row)
    return rows


def picked(cpu: Any, run: Callable[[], Any]) -> str:
    """What the rule says when `run` asks it."""
    answers, choose = [], cpu.choose
    cpu.choose = lambda *args: answers.append(choose(*args)) or answers[-1]
    try:
        run()
    finally:
        cpu.choose = choose
    return answers[0]


def torch_passes(
    torch: Any, x: np.ndarray, w: np.ndarray, dy: np.ndarray, layer: Layer
) -> dict[str, Callable[[], Any]]:
    """The three passes of PyTorch, in channels_last."""
    x_t, w_t, dy_t = (
        torch.tensor(np.ascontiguousarray(a)).contiguous(memory_format=torch.channels_last) for a in (x, w, dy)
    )
    s, p = (layer.s, layer.s), (layer.p, layer.p)

    def backward(*wanted: bool) -> Callable[[], Any]:
        return lambda: torch.ops.aten.convolution_backward(
            dy_t, x_t, w_t, None, s, p, (1, 1), False, (0, 0), 1, (*wanted, False)
        )

    return {
        "y": lambda: torch.nn.functional.conv2d(x_t, w_t, None, s, p),
        "dx": backward(True, False),
        "dw": backward(False, True),
    }


def least(run: Callable[[], Any], repeat: int, threads: int) -> float:
    """The least processor time of `repeat` runs, for each thread, in ms."""
    run()
    times = []
    for _ in range(repeat):
        begin = time.process_time()
        run()
        times.append(time.process_time() - begin)
    return round(1e3 * min(times) / threads, 3)


def line(layer: Layer, row: dict[str, Any]) -> str:
    sizes = f"{layer.N:4}{layer.C:4}{layer.H:4}{layer.O:4}{layer.K:3}{layer.p:3}{layer.s:3}"
    times = "".join(f"{'' if row[name] is None else format(row[name], '.2f'):>10}" for name in ALGORITHMS)
    torch = "" if row["torch"] is None else f"{row['torch']:8.2f}{row['torch'] / ours(row):7.2f}x"
    return f"{layer.name:18}{sizes}{row['pass']:>5}{times}  {row['rule']:14}{torch}"


def ours(row: dict[str, Any]) -> float:
    """The time of the algorithm that the rule picks."""
    return row[row["rule"].split()[0]]


def summary(rows: list[dict[str, Any]]) -> None:
    """How often the rule picked the fastest, and what its other choices cost; the mean ratio to PyTorch."""
    slower = [ours(row) / min(row[name] for name in ALGORITHMS if row[name] is not None) for row in rows]
    print(f"\nthe rule's choice takes {np.mean(slower):.2f} times as long as the fastest, {max(slower):.2f} at most")
    for name in PASSES:
        ratios = [row["torch"] / ours(row) for row in rows if row["pass"] == name and row["torch"] is not None]
        if ratios:
            print(f"{name:3} {np.mean(ratios):.2f} times as fast as PyTorch on average, {min(ratios):.2f} at least")


if __name__ == "__main__":
    main()
