"""LeNet's training step (forward, backward, SGD) against PyTorch, in one run: `python -m benchmarks.lenet`.

Each contender works in a process of its own, so that thread pools do not meet, with the same weights, the same batches
and as many threads. The processes take turns, a block of steps each, while the others wait: A B C A B C ... The figure
is the median of the blocks; the ratio is the median of the ratios within each turn, so that a machine whose speed
drifts disturbs it little. The losses after the same steps are shown too: a fast wrong step is worth nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from .machine import machine

CONTENDERS = ("minitorch_cv", "torch eager", "torch channels_last", "torch compile")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    options = arguments()
    if options.worker:
        work(options)
        return
    results = {}
    for activation in options.activation.split(","):
        results[activation] = compare(activation, options)
    path = RESULTS / "lenet.json"
    path.parent.mkdir(exist_ok=True)
    report = {
        "what": "LeNet training step: forward, backward, SGD",
        "input": [options.batch, 1, 28, 28],
        "precision": "float32",
        "threads": options.threads,
        "machine": machine(),
        "results": results,
    }
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to benchmarks/results/{path.name}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lenet", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--activation", default="sigmoid,relu", help="sigmoid, relu, or both with a comma (default: both)"
    )
    parser.add_argument("--batch", type=int, default=256, help="images in a batch (default: 256)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contender (default: 2)")
    parser.add_argument("--steps", type=int, default=20, help="training steps in a block (default: 20)")
    parser.add_argument("--turns", type=int, default=15, help="blocks of each contender (default: 15)")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="which to compare (default: all)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(activation: str, options: argparse.Namespace) -> dict[str, Any]:
    """Let the contenders take turns, print a row for each, and return the figures."""
    names = options.contenders.split(",")
    processes = {name: start(name, activation, options) for name in names}
    for name in names:
        print(f"{activation}: warming up {name} ...", file=sys.stderr)
        turn(processes[name], options.steps)
    blocks: dict[str, list[float]] = {name: [] for name in names}
    losses = {}
    for number in range(options.turns):
        for name in names:
            seconds, losses[name] = turn(processes[name], options.steps)
            blocks[name].append(seconds / options.steps)
        print(f"\r{activation}: turn {number + 1} of {options.turns}", end="", file=sys.stderr)
    print(file=sys.stderr)
    for process in processes.values():
        process.communicate("0\n")
    rows = {}
    print(f"\nLeNet {activation}, batch {options.batch}, float32, {options.threads} threads: one training step")
    print(f"{'':22}{'ms':>8}{'images/s':>11}{'ours is':>10}{'loss':>10}")
    for name in names:
        step = statistics.median(blocks[name])
        ratio = statistics.median(theirs / ours for theirs, ours in zip(blocks[name], blocks[names[0]]))
        rows[name] = {
            "step_ms": round(1e3 * step, 3),
            "images_per_second": round(options.batch / step),
            "times_faster_than_it": round(ratio, 3),
            "loss": losses[name],
        }
        faster = "" if name == names[0] else f"{ratio:.2f}x"
        print(f"{name:22}{1e3 * step:8.2f}{options.batch / step:11.0f}{faster:>10}{losses[name]:10.5f}")
    return rows


def start(name: str, activation: str, options: argparse.Namespace) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.lenet", "--worker", name, "--activation", activation]
    command += ["--batch", str(options.batch), "--threads", str(options.threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def turn(process: subprocess.Popen[str], steps: int) -> tuple[float, float]:
    """One block of steps: (seconds, loss of the last step)."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{steps}\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a contender ended early: {' '.join(map(str, process.args))}")  # type: ignore[arg-type]
    seconds, loss = json.loads(line)
    return seconds, loss


def work(options: argparse.Namespace) -> None:
    """A contender: run as many steps as each line asks for, and answer with the seconds and the last loss."""
    prepare = prepare_minitorch if options.worker == "minitorch_cv" else prepare_torch
    step = prepare(options)
    for line in sys.stdin:
        count = int(line)
        if count == 0:
            return
        start_time = time.perf_counter()
        for _ in range(count):
            loss = step()
        value = float(loss)
        print(json.dumps([time.perf_counter() - start_time, value]), flush=True)


def batches(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Eight batches of random images and labels."""
    rng = np.random.default_rng(0)
    images = rng.random((8, size, 1, 28, 28), np.float32)
    return images, rng.integers(0, 10, (8, size))


def weights() -> list[np.ndarray]:
    """Xavier-uniform weights and small biases for LeNet, in the order of its parameters."""
    rng = np.random.default_rng(1)
    shapes = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
    arrays = []
    for shape in shapes:
        receptive = int(np.prod(shape[2:]))
        limit = (6 / (receptive * (shape[0] + shape[1]))) ** 0.5
        arrays.append(rng.uniform(-limit, limit, shape).astype(np.float32))
        arrays.append(rng.uniform(-0.1, 0.1, shape[0]).astype(np.float32))
    return arrays


def layers(nn: Any, activation: str) -> Any:
    """LeNet out of either library's layers, which have the same names."""
    act = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}[activation]
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), act(), nn.AvgPool2d(2, 2)),
        *(nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2, 2), nn.Flatten()),
        *(nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)),
    )


def prepare_minitorch(options: argparse.Namespace) -> Any:
    import os

    os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    import minitorch_cv

    return training_step(minitorch_cv, layers(minitorch_cv.nn, options.activation), options)


def prepare_torch(options: argparse.Namespace) -> Any:
    import torch

    torch.set_num_threads(options.threads)
    net = layers(torch.nn, options.activation)
    if options.worker == "torch channels_last":
        net = net.to(memory_format=torch.channels_last)
    return training_step(torch, net, options, compiled=options.worker == "torch compile")


def training_step(torch: Any, net: Any, options: argparse.Namespace, compiled: bool = False) -> Any:
    """The step itself, the same lines for either library."""
    with torch.no_grad():
        for parameter, array in zip(net.parameters(), weights(), strict=True):
            parameter.copy_(torch.tensor(array))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loss_function = torch.nn.CrossEntropyLoss()
    images, labels = batches(options.batch)
    data = [(torch.tensor(x), torch.tensor(y)) for x, y in zip(images, labels)]
    if options.worker == "torch channels_last":
        data = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in data]
    forward = torch.compile(net) if compiled else net
    state = {"step": 0}

    def step() -> Any:
        x, y = data[state["step"] % len(data)]
        state["step"] += 1
        optimizer.zero_grad()
        loss = loss_function(forward(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


if __name__ == "__main__":
    main()
