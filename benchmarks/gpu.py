"""Training on a GPU beside PyTorch, in one call of less than eight minutes: `python -m benchmarks.gpu`.

Its parts, which write what they find to benchmarks/results/gpu.json row by row:

    epoch     LeNet on all of Fashion-MNIST, batch 256, float32, the images lying on the GPU as bytes and shuffled
              there: seconds an epoch, beside PyTorch as it is, compiled with CUDA graphs, and captured by hand
    networks  a training step of each of the book's networks at its size, in TF32 and in bfloat16, beside PyTorch with
              cuDNN and channels_last, as it is and captured in a CUDA graph by hand
    bits      twenty trainings of AlexNet with one seed, dropout included: how many different weights came out
    tests     the tests of devices, kernels, gradients and captured steps on this GPU
    sanitizer the tests of the CUDA kernels under compute-sanitizer: accesses outside of arrays, and races

Contenders take turns, a block of steps each; the GPU is waited for at the end of a block. A figure is the median of
the blocks, a ratio the median of the ratios within each turn. The losses of the first steps are kept as well. Of a
contender that raises an error the error is kept, and the others go on.

Without a GPU, `--device cuda-sim --tiny epoch networks bits` runs the same lines on the simulated one, at tiny sizes:
its times mean nothing, and are not written. Where the package is not installed, PYTHONPATH=.:kernels finds it.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import minitorch_cv
from minitorch_cv import models
from minitorch_cv.data import FashionMNIST, Subset, ToTensor

from . import gpu_tests
from .book import NETWORKS, Network, batches, draw_weights
from .contender import training_step
from .gpu_contenders import WARM_UP, Contender, Maker, our_epochs, ours, torch_contenders, torch_epochs
from .machine import gpu, machine
from .race import tell, times_faster

RESULTS = Path(__file__).parent / "results" / "gpu.json"
MEASURED = ("resnet18", "vgg11", "alexnet", "nin", "googlenet", "densenet")
TINY = {"lenet": Network("lenet", 28, 2, lr=0.1)}
BLOCK_SECONDS = 0.2
PATIENCE = 150  # seconds for the tests, and for each tool that watches them

Row = tuple[str, Any]


def main() -> None:
    options = arguments()
    report = Report(options)
    for part in options.parts or PARTS:
        report.fill(part, PARTS[part](options))
        minitorch_cv.set_float32_matmul_precision("highest")
    tell("")
    print(json.dumps(report.found, indent=1))


class Report:
    """What was found so far; it is written after every row, so that whatever ends the run loses one of them."""

    def __init__(self, options: argparse.Namespace):
        self.begun = time.monotonic()
        self.minutes = options.minutes
        self.path: Path | None = None if options.tiny else options.json
        self.found: dict[str, Any] = {"machine": {**machine(), **gpu(options.device)}, "turns": options.turns}

    def fill(self, part: str, rows: Iterator[Row]) -> None:
        """Keep the rows of a part, as far as there is time, and the error that ended them."""
        self.keep(part, {})
        while time.monotonic() - self.begun <= 60 * self.minutes:
            try:
                name, value = next(rows)
            except StopIteration:
                return
            except Exception:
                self.keep(part, {"failed": traceback.format_exc()})
                return
            self.keep(part, {name: value})
        self.keep(part, {"left out": f"all rows from here on, as {self.minutes:g} minutes were over"})

    def keep(self, part: str, rows: dict[str, Any]) -> None:
        """Add rows, and write all of them."""
        self.found.setdefault(part, {}).update(rows)
        self.found["seconds"] = round(time.monotonic() - self.begun, 1)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_name(f"{self.path.name}.part")
            beside.write_text(json.dumps(self.found, indent=1) + "\n")
            beside.replace(self.path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.split("\n")[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", choices=[*PARTS, []], help=f"{', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cuda-sim (default: cuda)")
    parser.add_argument("--minutes", type=float, default=6, help="begin no row after so many (default: 6)")
    parser.add_argument("--turns", type=int, default=7, help="blocks of each contender (default: 7)")
    parser.add_argument("--tiny", action="store_true", help="a few steps at tiny sizes; nothing is written")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    return parser.parse_args()


def bits(options: argparse.Namespace) -> Iterator[Row]:
    """Train again and again with one seed, and count the different weights that come out."""
    runs, steps, network = (2, 6, TINY["lenet"]) if options.tiny else (20, 20, NETWORKS["alexnet"])
    yield from {"network": network.model, "steps": steps}.items()
    hashes = set()
    for run in range(1, runs + 1):
        tell(f"bits: run {run} of {runs}")
        hashes.add(hash_of_training(network, steps, options.device))
        yield "runs", run
        yield "different_weights", len(hashes)


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


def epoch(options: argparse.Namespace) -> Iterator[Row]:
    """LeNet through all of Fashion-MNIST: seconds an epoch."""
    count, batch = (12, 4) if options.tiny else (60_000, 256)
    images = FashionMNIST(transform=ToTensor())
    chosen = Subset(images, np.resize(np.arange(len(images)), count).tolist())  # a smaller data set comes repeatedly
    pixels, labels = (array[np.asarray(chosen.indices)] for array in images.arrays())
    yield from {"images": count, "of": f"{len(images):,} from {images.source}", "batch": batch}.items()
    contenders: list[Maker] = [("minitorch_cv", partial(our_epochs, chosen, batch, options.device))]
    if with_torch(options.device):
        contenders += torch_epochs(pixels, labels, batch, options.device)
    yield "contenders", race(contenders, options.turns)


def networks(options: argparse.Namespace) -> Iterator[Row]:
    """A training step of each network, in TF32 and bfloat16."""
    measured = TINY if options.tiny else {name: NETWORKS[name] for name in MEASURED}
    for name, network in measured.items():
        for precision in ("tf32", "bf16"):
            tell(f"{name} in {precision}")
            contenders: list[Maker] = [("minitorch_cv", partial(ours, network, precision, options.device))]
            if with_torch(options.device):
                contenders += torch_contenders(network, precision, options.device)
            row = race(contenders, options.turns)
            yield f"{name} {precision}", {"input": [network.batch, 1, network.size, network.size], **row}


def tests(options: argparse.Namespace) -> Iterator[Row]:
    """What pytest finds in the tests that a GPU decides."""
    chosen = ["--numprocesses", "8", *gpu_tests.DEVICES, *gpu_tests.SIMULATED_ONLY, "--device", options.device]
    yield "pytest", gpu_tests.outcomes([*gpu_tests.PYTEST, *chosen], PATIENCE)


def sanitizer(options: argparse.Namespace) -> Iterator[Row]:
    """What compute-sanitizer counts, for accesses and for races in shared memory, in its last lines."""
    for tool in ("memcheck", "racecheck"):
        watched = ["compute-sanitizer", "--tool", tool, "--target-processes", "all"]
        chosen = [*gpu_tests.PYTEST, *gpu_tests.WATCHED, "--device", options.device]
        yield tool, gpu_tests.outcomes([*watched, *chosen], PATIENCE)


def race(makers: list[Maker], turns: int) -> dict[str, Any]:
    """What each contender took for a step, and the first against the others; of one that fails, the error.

    The first losses agree, but for contenders that were captured, and so have trained, beforehand.
    """
    found: dict[str, Any] = {name: {} for name, _ in makers}
    racing: list[tuple[Contender, int]] = []
    for name, make in makers:
        tell(f"{name} gets ready")
        with failure_kept(found[name]):
            racing.append(ready(make(), found[name]))
    blocks: dict[str, list[float]] = {name: [] for name, _ in makers}
    for _ in range(turns):
        for contender, length in racing:
            if "failed" not in found[contender.name]:
                with failure_kept(found[contender.name]):
                    blocks[contender.name].append(timed(contender, length))
    for name, seconds in blocks.items():
        if seconds:
            found[name]["ms"] = round(1e3 * statistics.median(seconds), 4)
            found[name]["least_ms"] = round(1e3 * min(seconds), 4)
    (first, _), *others = makers
    for other, _ in others:
        if blocks[first] and len(blocks[first]) == len(blocks[other]):
            found[first][f"times as fast as {other}"] = round(times_faster(blocks[first], blocks[other]), 3)
    return found


def ready(contender: Contender, row: dict[str, Any]) -> tuple[Contender, int]:
    """A contender after its first steps, and how many make a block."""
    row["first_loss"] = float(contender.step())
    for _ in range(WARM_UP):
        contender.step()
    return contender, max(1, round(BLOCK_SECONDS / timed(contender, 1)))


@contextmanager
def failure_kept(row: dict[str, Any]) -> Iterator[None]:
    """Inside the `with` block an error ends the block and nothing else: its text is kept in the row."""
    try:
        yield
    except Exception:
        row["failed"] = traceback.format_exc()
        gc.collect()
        minitorch_cv.cuda.empty_cache()  # what is left of it does not stand in the way of others


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


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "epoch": epoch,
    "networks": networks,
    "bits": bits,
    "tests": tests,
    "sanitizer": sanitizer,
}

if __name__ == "__main__":
    main()
