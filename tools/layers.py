"""Try each of Numba's threading layers: `python -m tools.layers`; what goes wrong on one fails.

On each, the command line trains LeNet with augmentation, which a thread prepares, and then two threads train a LeNet
each, eagerly and compiled, and have to come to the very weights that they come to alone. On `workqueue`, where
kernels of several threads take turns, a sample of the kernels' tests runs as well, drawn by the day, or by
`--seed 20261201`.
"""

from __future__ import annotations

import argparse
import datetime
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import minitorch_cv
from minitorch_cv import data, models, nn, optim
from minitorch_cv.train import fit

LAYERS = ("tbb", "omp", "workqueue")
TESTS = Path(__file__).parents[1] / "tests" / "kernels"
SAMPLE = 12  # test files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(f"{datetime.date.today():%Y%m%d}"))
    parser.add_argument("--two-threads", action="store_true", help="only train in two threads, on the layer in use")
    options = parser.parse_args()
    if options.two_threads:
        train_in_two_threads()
        return
    with tempfile.TemporaryDirectory() as folder:
        train = f"-m minitorch_cv train lenet --augment flip --epochs 1 --limit 3000 --out {folder}"
        for layer in LAYERS:
            run(layer, *train.split())
            run(layer, "-m", "tools.layers", "--two-threads")
    files = random.Random(options.seed).sample(sorted(map(str, TESTS.glob("test_*.py"))), SAMPLE)
    print(f"seed {options.seed}: the tests of {', '.join(Path(file).stem[5:] for file in sorted(files))}", flush=True)
    run("workqueue", "-m", "pytest", "--quiet", "--numprocesses", os.environ.get("WORKERS", "2"), *files)


def run(layer: str, *command: str) -> None:
    """Run Python on a layer; ends this program where it fails."""
    start = time.perf_counter()
    print(f"on {layer}: python {' '.join(command[:4])} ...", flush=True)
    status = subprocess.run([sys.executable, *command], env={**os.environ, "NUMBA_THREADING_LAYER": layer}).returncode
    if status:
        sys.exit(f"on {layer} it ended with status {status}")
    print(f"in {time.perf_counter() - start:.0f} s\n", flush=True)


def train_in_two_threads() -> None:
    """Two trainings at once, and the same ones alone."""
    trainings = [(seed, compiled) for compiled in (False, True) for seed in (0, 1)]
    networks = [lenet(seed) for seed, _ in trainings]
    alone = [trained(lenet(seed), seed, compiled) for seed, compiled in trainings]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(trained, networks, *zip(*trainings, strict=True)))
    for training, one, other in zip(trainings, alone, together, strict=True):
        if not all(map(np.array_equal, one, other)):
            sys.exit(f"in two threads, training {training} came to other weights than alone")
    print("two threads come to the weights that they come to alone")


def lenet(seed: int) -> Any:
    """LeNet with the weights of a seed; they come from the one default generator, so not from two threads at once."""
    minitorch_cv.manual_seed(seed)
    return models.lenet(activation="relu")


def trained(network: Any, seed: int, compiled: bool) -> list[np.ndarray]:
    """The weights after an epoch on flipped images, which a third thread prepares."""
    flipped = data.Compose([data.RandomHorizontalFlip(), data.ToTensor()])
    images = data.Subset(data.FashionMNIST(train=True, transform=flipped), range(2048))
    batches = data.DataLoader(
        images, 128, shuffle=True, num_workers=1, generator=minitorch_cv.Generator().manual_seed(seed)
    )
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    fit(network, batches, batches, epochs=1, optimizer=optimizer, loss=nn.functional.cross_entropy, compiled=compiled)
    return [parameter.detach().numpy() for parameter in network.parameters()]


if __name__ == "__main__":
    main()
