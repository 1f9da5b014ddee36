"""Everything that is bound by memory, against PyTorch's same operation: `python -m benchmarks.passes`.

Each row is one operation on one shape. GB/s counts the least that has to move, every input read once and every output
written once; µs is the shortest of many repetitions, which a busy machine disturbs least. PyTorch's figure is the
better of its two layouts; the ratio says how many times faster ours is.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .machine import machine

MAPS = {
    "LeNet, stage 1": (256, 6, 28, 28),
    "LeNet, stage 2": (256, 16, 10, 10),
    "ResNet-18, 64 channels": (64, 64, 24, 24),
    "VGG-11/4, 16 channels": (32, 16, 112, 112),
}
EPS = 1e-5


class Pass(NamedTuple):
    """One operation: ours, PyTorch's for a layout (None where it has none), and the bytes that must move."""

    name: str
    run: Callable[[], Any]
    torch: Callable[[Any], Callable[[], Any]] | None
    bytes: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passes", description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=1, help="threads of each contender (default: 1)")
    parser.add_argument("--repeat", type=int, default=15, help="repetitions, the shortest counts (default: 15)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table here as well")
    options = parser.parse_args()
    os.environ.setdefault("NUMBA_NUM_THREADS", str(options.threads))
    torch = torch_with(options.threads)
    rows = []
    print(f"{'shape':<24}{'operation':<36}{'µs':>8}{'GB/s':>8}{'torch µs':>10}{'ratio':>7}")
    for label, shape in MAPS.items():
        for one in passes(shape, torch):
            row = {"shape": label, "operation": one.name, **measure(one, torch, options.repeat)}
            rows.append(row)
            theirs = f"{row['torch µs']:>10.0f}{row['ratio']:>7.2f}" if row["torch µs"] else ""
            print(f"{label:<24}{one.name:<36}{row['µs']:>8.0f}{row['GB/s']:>8.1f}{theirs}", flush=True)
    if options.json:
        report = {"what": "memory-bound operations", "threads": options.threads, "machine": machine(), "rows": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def torch_with(threads: int) -> Any:
    """PyTorch with so many threads, or None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(threads)
    return torch


def measure(one: Pass, torch: Any, repeat: int) -> dict[str, Any]:
    """The figures of one row."""
    seconds = shortest(one.run, repeat)
    theirs = None
    if torch is not None and one.torch is not None:
        layouts = (torch.contiguous_format, torch.channels_last)
        theirs = min(shortest(one.torch(layout), repeat) for layout in layouts)
    return {
        "µs": seconds * 1e6,
        "GB/s": one.bytes / seconds / 1e9,
        "torch µs": theirs and theirs * 1e6,
        "ratio": theirs and theirs / seconds,
    }


def shortest(run: Callable[[], Any], repeat: int) -> float:
    run()  # compile
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def passes(shape: tuple[int, ...], torch: Any) -> Iterator[Pass]:
    """All operations on maps of one shape."""
    import minitorch_kernels as kernels

    rng = np.random.default_rng(0)
    C = shape[1]

    def maps() -> np.ndarray:
        return np.moveaxis(rng.standard_normal((*shape[1:], shape[0])).astype(np.float32), -1, 0)

    def theirs(array: np.ndarray, layout: Any) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array)).contiguous(memory_format=layout)

    x, dy, residual = (maps() for _ in range(3))
    w, b = np.ones(C, np.float32), np.zeros(C, np.float32)
    size = x.nbytes
    aten = torch.ops.aten if torch is not None else None

    def of(function: str, *arrays: np.ndarray, options: tuple[Any, ...] = ()) -> Any:
        def prepare(layout: Any) -> Callable[[], Any]:
            tensors = [theirs(array, layout) for array in arrays]
            return lambda: getattr(aten, function)(*tensors, *options)

        return prepare

    yield Pass("add", lambda: kernels.add(x, residual), of("add", x, residual), 3 * size)
    yield Pass("relu", lambda: kernels.relu(x), of("relu", x), 2 * size)
    yield Pass(
        "relu, backward", lambda: kernels.relu_grad(dy, x), of("threshold_backward", dy, x, options=(0,)), 3 * size
    )
    yield Pass("sigmoid", lambda: kernels.sigmoid(x), of("sigmoid", x), 2 * size)
    yield Pass("sigmoid, backward", lambda: kernels.sigmoid_grad(dy, x), of("sigmoid_backward", dy, x), 3 * size)
    yield Pass("tanh", lambda: kernels.tanh(x), of("tanh", x), 2 * size)

    y, mean, _, rstd, line = kernels.batch_norm_train(x, w, b, EPS, residual, True)

    def norm(layout: Any) -> Callable[[], Any]:
        maps, weight, bias = theirs(x, layout), torch.from_numpy(w), torch.from_numpy(b)
        return lambda: aten.native_batch_norm(maps, weight, bias, None, None, True, 0.1, EPS)

    def norm_add_relu(layout: Any) -> Callable[[], Any]:
        run, shortcut = norm(layout), theirs(residual, layout)
        return lambda: aten.relu_(aten.add_(run()[0], shortcut))

    def norm_backward(layout: Any) -> Callable[[], Any]:
        maps, gradient, weight = theirs(x, layout), theirs(dy, layout), torch.from_numpy(w)
        _, m, r = norm(layout)()
        wanted = [True, True, True]
        return lambda: aten.native_batch_norm_backward(gradient, maps, weight, None, None, m, r, True, EPS, wanted)

    yield Pass("batch norm", lambda: kernels.batch_norm_train(x, w, b, EPS), norm, 2 * size)
    yield Pass(
        "batch norm + add + relu",
        lambda: kernels.batch_norm_train(x, w, b, EPS, residual, True),
        norm_add_relu,
        3 * size,
    )
    yield Pass(
        "batch norm, backward", lambda: kernels.batch_norm_train_grad(dy, x, w, mean, rstd), norm_backward, 3 * size
    )
    yield Pass(
        "batch norm + relu, backward",
        lambda: kernels.batch_norm_train_grad(dy, x, w, mean, rstd, line),
        None,
        3 * size,
    )
    yield Pass(
        "batch norm + add + relu, backward",
        lambda: kernels.batch_norm_train_grad(dy, x, w, mean, rstd, None, y, True),
        None,
        5 * size,
    )

    windows, options = ((2, 2), (2, 2), (0, 0)), (False, True, None)
    plain = ([2, 2], [2, 2], [0, 0])
    _, kept = kernels.activation_avg_pool2d(x, "sigmoid", *windows, *options)
    dp, both = kernels.avg_pool2d(dy, *windows, *options), size * 5 // 4
    yield Pass(
        "avg pool 2x2", lambda: kernels.avg_pool2d(x, *windows, *options), of("avg_pool2d", x, options=plain), both
    )
    yield Pass(
        "avg pool 2x2, backward",
        lambda: kernels.avg_pool2d_grad(dp, shape[2:], *windows, *options),
        of("avg_pool2d_backward", dp, x, options=(*plain, *options)),
        both,
    )
    yield Pass(
        "sigmoid + avg pool 2x2",
        lambda: kernels.activation_avg_pool2d(x, "sigmoid", *windows, *options),
        None,
        both + size,
    )
    yield Pass(
        "sigmoid + avg pool 2x2, backward",
        lambda: kernels.activation_avg_pool2d_grad(dp, kept, "sigmoid", shape[2:], *windows, *options),
        None,
        both + size,
    )
    _, places = kernels.max_pool2d(x, *windows, (1, 1), False)
    yield Pass(
        "max pool 2x2",
        lambda: kernels.max_pool2d(x, *windows, (1, 1), False),
        of("max_pool2d_with_indices", x, options=plain),
        both + size // 16,
    )

    def max_backward(layout: Any) -> Callable[[], Any]:
        maps, gradient = theirs(x, layout), theirs(dp, layout)
        found = aten.max_pool2d_with_indices(maps, *plain)[1]
        return lambda: aten.max_pool2d_with_indices_backward(gradient, maps, *plain, [1, 1], False, found)

    yield Pass(
        "max pool 2x2, backward",
        lambda: kernels.max_pool2d_grad(dp, places, shape[2:], *windows, (1, 1)),
        max_backward,
        both + size // 16,
    )


if __name__ == "__main__":
    main()
