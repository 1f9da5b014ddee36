"""Training on a GPU beside PyTorch, in one call of less than eight minutes: `python -m benchmarks.gpu`.

Its parts, each of which writes what it found to benchmarks/results/gpu.json before the next begins:

    bits      twenty trainings of AlexNet with one seed, dropout included: how many different weights came out
    epoch     LeNet on all of Fashion-MNIST, batch 256, float32, the images lying on the GPU as bytes and shuffled
              there: seconds an epoch, beside PyTorch as it is, compiled with CUDA graphs, and captured by hand
    networks  a training step of each of the book's networks at its size, in TF32 and in bfloat16, beside PyTorch with
              cuDNN and channels_last, as it is and captured in a CUDA graph by hand
    tests     all tests, those of devices and kernels on this GPU
    sanitizer the tests of the CUDA kernels under compute-sanitizer: accesses outside of arrays, and races

Contenders take turns, a block of steps each; the GPU is waited for at the end of a block. A figure is the median of
the blocks, a ratio the median of the ratios within each turn. The losses of the first steps are kept as well.

Without a GPU, `--device cuda-sim --tiny bits epoch networks` runs the same lines on the simulated one, at tiny sizes:
its times mean nothing, and are not written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minitorch_cv
from minitorch_cv import models
from minitorch_cv.data import FashionMNIST, Subset, ToTensor

from .book import NETWORKS, Network, batches, draw_weights
from .contender import training_step
from .gpu_contenders import WARM_UP, Contender, our_epochs, ours, torch_contenders, torch_epochs
from .machine import gpu, machine
from .race import tell, times_faster

RESULTS = Path(__file__).parent / "results" / "gpu.json"
MEASURED = ("resnet18", "vgg11", "alexnet", "nin", "googlenet", "densenet")
TINY = {"lenet": Network("lenet", 28, 2, lr=0.1)}
BLOCK_SECONDS = 0.2
ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q")
PATIENCE = 150


def main() -> None:
    options = arguments()
    begun = time.monotonic()
    report: dict[str, Any] = {"machine": {**machine(), **gpu(options.device)}, "turns": options.turns}
    for part in options.parts or PARTS:
        if time.monotonic() - begun > 60 * options.minutes:
            report[part] = f"left out: {options.minutes:g} minutes were over"
        else:
            report[part] = PARTS[part](options)
            minitorch_cv.set_float32_matmul_precision("highest")
        report["seconds"] = round(time.monotonic() - begun, 1)
        if not options.tiny:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(report, indent=1) + "\n")
    tell("")
    print(json.dumps(report, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.split("\n")[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cuda-sim (default: cuda)")
    parser.add_argument("--minutes", type=float, default=6, help="begin no part after so many (default: 6)")
    parser.add_argument("--turns", type=int, default=7, help="blocks of each contender (default: 7)")
    parser.add_argument("--tiny", action="store_true", help="a few steps at tiny sizes; nothing is written")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    return parser.parse_args()


def bits(options: argparse.Namespace) -> dict[str, Any]:
    """Train again and again with one seed, and count the different weights that come out."""
    runs, steps, network = (2, 6, TINY["lenet"]) if options.tiny else (20, 20, NETWORKS["alexnet"])
    hashes = set()
    for run in range(runs):
        tell(f"bits: run {run + 1} of {runs}")
        hashes.add(hash_of_training(network, steps, options.device))
    return {"network": network.model, "runs": runs, "steps": steps, "different_weights": len(hashes)}


def hash_of_training(network: Network, steps: int, device: str) -> str:
    """SHA-256 of the weights that a recorded training from seed 0, with dropout, ends with."""
    minitorch_cv.manual_seed(0)
    net = models.build(network.model, {"dropout": 0.5} if "dropout" in network.options else {})
    draw_weights(minitorch_cv, net)
    net.to(device)
    optimizer = minitorch_cv.optim.SGD(net.parameters(), lr=network.lr, momentum=0.9)
    step = minitorch_cv.compile(training_step(minitorch_cv, net, optimizer))
    data = [(minitorch_cv.tensor(x).to(device), minitorch_cv.tensor(y).to(device)) for x, y in batches(network)]
    for number in range(steps):
        step(*data[number % len(data)])
    found = hashlib.sha256()
    for parameter in net.parameters():
        found.update(np.ascontiguousarray(parameter.detach().cpu().numpy()).tobytes())
    return found.hexdigest()


def epoch(options: argparse.Namespace) -> dict[str, Any]:
    """LeNet through all of Fashion-MNIST: seconds an epoch."""
    count, batch = (12, 4) if options.tiny else (60_000, 256)
    images = FashionMNIST(transform=ToTensor())
    chosen = Subset(images, np.resize(np.arange(len(images)), count).tolist())  # a smaller data set comes repeatedly
    pixels, labels = (array[np.asarray(chosen.indices)] for array in images.arrays())
    contenders = [our_epochs(chosen, batch, options.device)]
    if with_torch(options.device):
        contenders += torch_epochs(pixels, labels, batch, options.device)
    found = race(contenders, options.turns)
    return {"images": count, "of": f"{len(images):,} from {images.source}", "batch": batch, "contenders": found}


def networks(options: argparse.Namespace) -> dict[str, Any]:
    """A training step of each network, in TF32 and bfloat16."""
    measured = TINY if options.tiny else {name: NETWORKS[name] for name in MEASURED}
    found: dict[str, Any] = {}
    for name, network in measured.items():
        for precision in ("tf32", "bf16"):
            tell(f"{name} in {precision}")
            contenders = [ours(network, precision, options.device)]
            if with_torch(options.device):
                contenders += torch_contenders(network, precision, options.device)
            row = race(contenders, options.turns)
            found[f"{name} {precision}"] = {"input": [network.batch, 1, network.size, network.size], **row}
    return found


def tests(options: argparse.Namespace) -> dict[str, str]:
    """The last line of pytest, for the whole of the tests."""
    chosen = ["-m", "not parity and not networks", "--device", options.device]
    return {"pytest": last_line([*PYTEST, "--numprocesses", "8", *chosen])}


def sanitizer(options: argparse.Namespace) -> dict[str, str]:
    """What compute-sanitizer counts, for accesses and for races in shared memory."""
    found = {}
    for tool in ("memcheck", "racecheck"):
        checked = [*PYTEST, "tests/kernels/cuda", "--device", options.device, "-k", "kernel and float32"]
        found[tool] = last_line(["compute-sanitizer", "--tool", tool, "--target-processes", "all", *checked])
    return found


def last_line(command: list[str]) -> str:
    """The last line that a command prints within PATIENCE seconds."""
    tell(" ".join(command))
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]


def race(contenders: list[Contender], turns: int) -> dict[str, Any]:
    """What each contender took for a step, and ours against the fastest of the others.

    The first losses agree, but for contenders that were captured, and so have trained, beforehand.
    """
    found: dict[str, Any] = {}
    lengths, blocks = {}, {contender.name: [] for contender in contenders}
    for contender in contenders:
        tell(f"{contender.name} gets ready")
        found[contender.name] = {"first_loss": float(contender.step())}
        for _ in range(WARM_UP):
            contender.step()
        lengths[contender.name] = max(1, round(BLOCK_SECONDS / timed(contender, 1)))
    for _ in range(turns):
        for contender in contenders:
            blocks[contender.name].append(timed(contender, lengths[contender.name]))
    for name, seconds in blocks.items():
        found[name]["ms"] = round(1e3 * statistics.median(seconds), 4)
        found[name]["least_ms"] = round(1e3 * min(seconds), 4)
    mine, *others = contenders
    for other in others:
        found[mine.name][f"times as fast as {other.name}"] = round(
            times_faster(blocks[mine.name], blocks[other.name]), 3
        )
    return found


def timed(contender: Contender, steps: int) -> float:
    """Seconds a step, the GPU's work included."""
    contender.wait()
    start = time.perf_counter()
    for _ in range(steps):
        contender.step()
    contender.wait()
    return (time.perf_counter() - start) / steps


def with_torch(device: str) -> bool:
    """True where PyTorch can use the GPU, too."""
    if not device.startswith("cuda") or device.startswith("cuda-sim"):
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "bits": bits,
    "epoch": epoch,
    "networks": networks,
    "tests": tests,
    "sanitizer": sanitizer,
}

if __name__ == "__main__":
    main()
