"""How many steps a recipe needs until its loss falls: `python -m benchmarks.plateaus [NAME ...]`.

At the start a network guesses, and the cross-entropy is ln 10. Each network is trained by its recipe on Fashion-MNIST
until the mean loss of 20 steps is below 0.9 ln 10. The step where that was reached is printed, and kept in
benchmarks/results/plateaus.json; `minitorch_cv/models/recipes.py` has it rounded up, as Recipe.plateau.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import deque
from pathlib import Path
from typing import Any

from minitorch_cv import manual_seed, models, nn, optim, train
from minitorch_cv.data import load_data_fashion_mnist
from minitorch_cv.models.recipes import RECIPES

from .machine import machine

RESULTS = Path(__file__).parent / "results" / "plateaus.json"
SLOW = ("lenet", "mlp", "alexnet", "vgg11", "nin", "googlenet")  # recipes of plain SGD without batch normalisation
WINDOW = 20
FALLEN = 0.9 * math.log(10)


class FirstFall:
    """A callback of `fit` that ends the training when the loss has fallen, or after this many steps."""

    def __init__(self, most: int):
        self.most = most
        self.losses: deque[float] = deque(maxlen=WINDOW)
        self.steps = 0
        self.total = 0.0  # of the losses of this epoch

    def __call__(self, step: train.Step) -> None:
        before = self.total if step.batch > 1 else 0.0
        self.total = step.loss * step.batch
        self.losses.append(self.total - before)
        self.steps += 1
        if self.steps % WINDOW == 0:
            print(f"  step {self.steps}: loss {self.mean():.4f}", flush=True)
        if self.steps >= self.most or (len(self.losses) == WINDOW and self.mean() < FALLEN):
            raise train.StopTraining

    def mean(self) -> float:
        return sum(self.losses) / len(self.losses)


def measure(name: str, seed: int, most: int, resize: int) -> int | None:
    """The number of steps until the loss had fallen; None if `most` steps were too few."""
    recipe = RECIPES[name]
    manual_seed(seed)
    network = models.build(name, dict(recipe.options))
    watch = FirstFall(most)
    train.fit(
        network,
        *load_data_fashion_mnist(recipe.batch_size, None if resize == 28 else resize),
        epochs=recipe.epochs,
        optimizer=optim.SGD(network.parameters(), recipe.lr, momentum=recipe.momentum),
        loss=nn.functional.cross_entropy,
        on_step=watch,
    )
    return watch.steps if watch.mean() < FALLEN else None


def main() -> None:
    options = arguments()
    for name in options.names or SLOW:
        print(name, flush=True)
        recipe = RECIPES[name]
        resize = options.resize or recipe.resize
        steps = {str(seed): measure(name, seed, options.most, resize) for seed in range(options.seeds)}
        results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        results[name] = {"machine": machine(), "steps by seed": steps, "at most": options.most}
        results[name] |= {"batch_size": recipe.batch_size, "resize": resize}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{name}: {steps}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plateaus", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default: {' '.join(SLOW)})")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds (default: 1)")
    parser.add_argument(
        "--resize", type=int, help="side of the images (default: the recipe's; smaller ones are quicker)"
    )
    parser.add_argument("--most", type=int, default=1500, help="give up after so many steps (default: 1500)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
