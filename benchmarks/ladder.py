"""How a convolution becomes fast, rung by rung: `python -m benchmarks.ladder`.

One layer, x (64, 64, 24, 24) and w (64, 64, 3, 3) with padding 1, stride 1, in float32 and on one thread: 1.36 G
multiply-adds. The lower rungs are the functions of this file, to be read; the upper ones are the engine's own kernels.
Each result is compared with the reference. docs/performance.md tells the story; the figures in it come from
benchmarks/results/ladder.json, where this script leaves them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minitorch_kernels import conv2d, im2col, matmul, use
from minitorch_kernels.jit import jit, load_numba
from minitorch_kernels.layout import as_batch_first, empty_batch_last

from .machine import machine
from .peak import multiply_adds_per_second

RESULTS = Path(__file__).parent / "results" / "ladder.json"
N, C, H, W, O, K = 64, 64, 24, 24, 64, 3
MULTIPLY_ADDS = N * O * H * W * C * K * K
BLOCK_K, BLOCK_J = 192, 512  # a block of 192 x 512 x 4 bytes stays in the second cache
FORWARD = (1, 1), (1, 1), (1, 1), 1  # stride, padding, dilation, groups

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]


@jit
def the_equation(x, w, y):
    """y[n, o, i, j] = Σ over c, ky, kx of x[n, c, i + ky, j + kx] w[o, c, ky, kx], one result after the other."""
    for n in range(N):
        for o in range(O):
            for i in range(H):
                for j in range(W):
                    total = np.float32(0)
                    for c in range(C):
                        for ky in range(K):
                            for kx in range(K):
                                total += x[n, c, i + ky, j + kx] * w[o, c, ky, kx]
                    y[n, o, i, j] = total


@jit
def rows_inside(x, w, y):
    """The same sums with the loop over a row innermost: neighbours in memory, which the compiler puts into vectors."""
    y[:] = 0
    for n in range(N):
        for o in range(O):
            for c in range(C):
                for ky in range(K):
                    for kx in range(K):
                        weight = w[o, c, ky, kx]
                        for i in range(H):
                            for j in range(W):
                                y[n, o, i, j] += weight * x[n, c, i + ky, j + kx]


@jit
def plain_product(a, b, y):
    """y = a b, row by row."""
    y[:] = 0
    for m in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                y[m, j] += a[m, k] * b[k, j]


@jit
def blocked_product(a, b, y):
    """y = a b; every row of a passes over a block of b while that is in the cache."""
    y[:] = 0
    for j in range(0, b.shape[1], BLOCK_J):
        for first in range(0, a.shape[1], BLOCK_K):
            for m in range(a.shape[0]):
                out = y[m, j : j + BLOCK_J]
                for k in range(first, min(first + BLOCK_K, a.shape[1])):
                    weight, row = a[m, k], b[k, j : j + BLOCK_J]
                    for lane in range(len(row)):
                        out[lane] += weight * row[lane]


def with_loops(loops: Callable[..., None]) -> Step:
    """A convolution by loops over the padded image."""

    def step(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        y = np.empty((N, O, H, W), np.float32)
        loops(padded, w, y)
        return y

    return step


def with_columns(product: Callable[..., None]) -> Step:
    """A convolution by laying all windows out and one matrix product."""

    def step(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        cols = im2col(x, (K, K), (1, 1), (1, 1), (1, 1))  # stored batch-last: (C K K, H W, N)
        y = np.empty((O, H * W * N), np.float32)
        product(w.reshape(O, -1), cols.transpose(1, 2, 0).reshape(C * K * K, -1), y)
        return as_batch_first(y.reshape(O, H, W, N))

    return step


def registers(a: np.ndarray, b: np.ndarray, y: np.ndarray) -> None:
    """y = a b by the engine's product, which keeps a tile of sums in registers."""
    y[:] = matmul(a, b)


def the_engine(implementation: str | None) -> Step:
    """The engine's convolution, with its own choice of algorithm or the one named."""

    def step(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        if implementation is None:
            return conv2d(x, w, None, *FORWARD)
        with use(implementation):
            return conv2d(x, w, None, *FORWARD)

    return step


def knows(implementation: str) -> bool:
    """Whether the engine's convolution can be told to use this algorithm."""
    try:
        with use(implementation):
            return True
    except ValueError:
        return False


LOOPS = ("the equation as loops", "rows innermost")  # these read images as they are written down, (N, C, H, W)


def rungs() -> dict[str, Step]:
    """What is measured, from the bottom."""
    steps = {
        "the equation as loops": with_loops(the_equation),
        "rows innermost": with_loops(rows_inside),
        "im2col, plain product": with_columns(plain_product),
        "im2col, blocked product": with_columns(blocked_product),
        "im2col, sums in registers": with_columns(registers),
    }
    if knows("direct"):
        return steps | {"direct, no window copied": the_engine("direct"), "Winograd": the_engine(None)}
    return steps | {"direct, no window copied": the_engine(None)}


def training_steps() -> dict[str, Callable[[], Any]]:
    """A training step of one such layer with batch norm, ReLU and a pool behind it, as it is and recorded."""
    import minitorch_cv
    from minitorch_cv import nn, optim

    minitorch_cv.manual_seed(0)
    layers = nn.Conv2d(C, O, K, padding=1), nn.BatchNorm2d(O), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    net = nn.Sequential(*layers, nn.Linear(O * H * W // 4, 10))
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    x, y = minitorch_cv.randn(N, C, H, W), minitorch_cv.randint(0, 10, (N,))

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    steps = {"training, one operation after the other": lambda: step(x, y)}
    if hasattr(minitorch_cv, "compile"):
        recorded = minitorch_cv.compile(step)
        steps["training, recorded and fused"] = lambda: recorded(x, y)
    return steps


def climb(repeat: int, peak: float) -> dict[str, dict[str, Any]]:
    """A row for each rung, in order."""
    rng = np.random.default_rng(0)
    plain = rng.random((N, C, H, W), np.float32)
    x = empty_batch_last((N, C, H, W), np.float32)
    x[:] = plain
    w = rng.random((O, C, K, K), np.float32) - np.float32(0.5)
    expected = conv2d.reference(x, w, None, *FORWARD)
    rows: dict[str, dict[str, Any]] = {}
    print(f"{'':44}{'ms':>10}{'times faster':>14}{'of the peak':>13}")
    for name, step in rungs().items():
        image = plain if name in LOOPS else x
        error = np.abs(step(image, w) - expected).max() / np.abs(expected).max()
        if error > 1e-4:
            raise SystemExit(f"{name}: wrong by {error:.1e}")
        seconds = least(lambda step=step, image=image: step(image, w), repeat)
        rows[name] = {"ms": round(1e3 * seconds, 3), "share_of_peak": round(MULTIPLY_ADDS / seconds / peak, 4)}
        faster = rows[next(iter(rows))]["ms"] / rows[name]["ms"]
        rows[name]["times_faster"] = round(faster, 2)
        print(f"{name:44}{1e3 * seconds:10.2f}{faster:13.1f}x{rows[name]['share_of_peak']:13.1%}", flush=True)
    for name, train in training_steps().items():
        rows[name] = {"ms": round(1e3 * least(train, repeat), 3)}
        print(f"{name:44}{rows[name]['ms']:10.2f}", flush=True)
    return rows


def least(call: Callable[[], Any], repeat: int) -> float:
    """The seconds of the fastest of some calls, after one that warms up; slow calls are repeated less often."""
    call()
    seconds: list[float] = []
    while len(seconds) < repeat and (len(seconds) < 2 or sum(seconds) < 5):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=15, help="repetitions of each rung, the least counts (15)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    load_numba().set_num_threads(1)
    peak = multiply_adds_per_second()
    report = {
        "what": "forward convolution", "input": [N, C, H, W], "shape": [O, C, K, K], "precision": "float32",
        "multiply_adds": MULTIPLY_ADDS, "peak_multiply_adds_per_second": peak, "threads": 1, "machine": machine(),
        "results": climb(options.repeat, peak),
    }  # fmt: skip
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
