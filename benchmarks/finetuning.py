"""Fine-tuning against training from scratch on 200 images of two classes: `python -m benchmarks.finetuning [PAIR ...]`.

Three pairs of classes of Fashion-MNIST that look alike take turns. A network learns the eight other classes from all
their training images. Then, for each seed, 100 training images of each class of the pair are drawn; the network is
fine-tuned on them, and a new one is trained on the same images from scratch. Both are tested on the 2,000 test images
of the pair after every epoch.

Each way gets the best of the same learning rates: the one with the highest accuracy, after the same number of epochs
and on average over seeds of their own, on 2,000 training images that it has not seen. The test images have no part in
that choice. Results go to benchmarks/results/finetuning.json, where a run of some pairs leaves the others as they were;
`--table` draws them into docs/images/finetuning.png and prints them as the table of docs/finetuning.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from minitorch_cv import models, optim
from minitorch_cv.data import ClassSubset, DataLoader, FashionMNIST, Subset
from minitorch_cv.nn import functional
from minitorch_cv.random import Generator, manual_seed
from minitorch_cv.train import evaluate, fit
from minitorch_cv.train.finetuning import head_and_body, replace_head

from .machine import machine

ROOT = Path(__file__).parent
RESULTS = ROOT / "results" / "finetuning.json"
FIGURE = ROOT.parent / "docs" / "images" / "finetuning.png"

PAIRS = {"shoes": ("Sneaker", "Ankle boot"), "shirts": ("T-shirt/top", "Shirt"), "coats": ("Pullover", "Coat")}
PER_CLASS = 100
NETWORK = {"activation": "relu"}  # of LeNet
PRETRAINING = {"epochs": 6, "lr": 0.1, "batch_size": 128}
EPOCHS = 30
BATCH_SIZE = 20
WEIGHT_DECAY = 1e-3
RATES = (0.03, 0.1, 0.2, 0.4)  # of the head; the body of a fine-tuned network has a tenth of it
TUNING_SEEDS = (100, 101)
SEEDS = tuple(range(5))
SCRATCH = "from scratch"
FINETUNED = "fine-tuned"
WAYS = {FINETUNED: "C0", SCRATCH: "C1"}  # and their colours
SHOWN = (1, 5, 10, EPOCHS)  # epochs in the table

Pair = tuple[str, str]
Weights = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning", description=__doc__.split("\n")[0])
    parser.add_argument("pairs", nargs="*", metavar="PAIR", choices=[*PAIRS, []], help=", ".join(PAIRS))
    parser.add_argument("--table", action="store_true", help="draw and print the results there are, and train nothing")
    options = parser.parse_args()
    if not options.table:
        for name in options.pairs or PAIRS:
            entry = {**facts(), **measure(PAIRS[name])}
            results = read_results() | {name: entry}
            ordered = {key: results[key] for key in PAIRS if key in results}
            RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
            print(f"{name}: written to benchmarks/results/{RESULTS.name}", flush=True)
    draw(read_results())
    print(table(read_results()))


def read_results() -> dict[str, Any]:
    """What earlier runs left."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def facts() -> dict[str, Any]:
    """What is measured, and on what."""
    return {
        "what": "accuracy on the test images of two classes after each epoch on 100 training images of each, by seed",
        "machine": machine(),
        "network": {"model": "lenet", **NETWORK},
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "weight_decay": WEIGHT_DECAY,
        "seeds": SEEDS,
    }


def measure(pair: Pair) -> dict[str, Any]:
    """Pre-train without the pair, choose the learning rates, and compare."""
    train, test = FashionMNIST(train=True), FashionMNIST(train=False)
    weights, before = pretrain(train, test, pair)
    images, unseen = ClassSubset(train, pair), ClassSubset(test, pair)
    ways = {}
    for way in WAYS:
        tried = {str(rate): tuning_accuracy(way, rate, weights, images) for rate in RATES}
        rate = max(RATES, key=lambda rate: tried[str(rate)])
        curves = [learn(way, rate, weights, drawn(images, seed)[0], unseen, seed)[1] for seed in SEEDS]
        ways[way] = {"lr": rate, "validation_accuracy": tried, "test_accuracy": curves}
        print(f"{pair}, {way}: {tried}, {statistics.mean(curve[-1] for curve in curves):.4f}", flush=True)
    return {"classes": pair, "source": train.source, "pretraining": {**PRETRAINING, **before}, "ways": ways}


def pretrain(train: FashionMNIST, test: FashionMNIST, pair: Pair) -> tuple[Weights, dict[str, Any]]:
    """The weights of a network that knows the other classes, and how it came to them."""
    others = [name for name in train.classes if name not in pair]
    images, unseen = ClassSubset(train, others), ClassSubset(test, others)
    manual_seed(0)
    network = models.build("lenet", {**NETWORK, "num_classes": len(others)})
    start = time.perf_counter()
    history = fit(
        network,
        DataLoader(images, PRETRAINING["batch_size"], shuffle=True),
        DataLoader(unseen, 500),
        epochs=PRETRAINING["epochs"],
        optimizer=optim.SGD(network.parameters(), PRETRAINING["lr"]),
        loss=functional.cross_entropy,
        on_epoch=lambda epoch: print(f"pre-training: {epoch}", flush=True),
    )
    seconds = round(time.perf_counter() - start, 1)
    reached = {"images": len(images), "test_accuracy": round(history[-1].test_acc, 4), "seconds": seconds}
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}, reached


def drawn(images: ClassSubset, seed: int) -> tuple[Subset, Subset]:
    """100 images of each class to train on, and 1,000 others of each to choose a learning rate by."""
    rng = np.random.default_rng(seed)
    places = [rng.permutation(np.flatnonzero(images.targets == label)) for label in range(len(images.classes))]
    few = np.concatenate([part[:PER_CLASS] for part in places])
    others = np.concatenate([part[PER_CLASS : PER_CLASS + 1000] for part in places])
    return Subset(images, few), Subset(images, others)


def tuning_accuracy(way: str, lr: float, weights: Weights, images: ClassSubset) -> float:
    """The accuracy on unseen training images after the last epoch, on average over seeds."""
    accuracies = []
    for seed in TUNING_SEEDS:
        few, others = drawn(images, seed)
        network, _ = learn(way, lr, weights, few, few, seed)
        accuracies.append(evaluate(network, DataLoader(others, 500)))
    return round(statistics.mean(accuracies), 4)


def learn(way: str, lr: float, weights: Weights, images: Subset, tested: Any, seed: int) -> tuple[Any, list[float]]:
    """The network, trained on the few images, and its accuracy on the tested ones after each epoch."""
    network, parameters = prepared(way, lr, weights, seed)
    history = fit(
        network,
        DataLoader(images, BATCH_SIZE, shuffle=True, generator=Generator().manual_seed(seed)),
        DataLoader(tested, 500),
        epochs=EPOCHS,
        optimizer=optim.SGD(parameters, lr, weight_decay=WEIGHT_DECAY),
        loss=functional.cross_entropy,
    )
    return network, [round(epoch.test_acc, 4) for epoch in history]


def prepared(way: str, lr: float, weights: Weights, seed: int) -> tuple[Any, Any]:
    """The network as it begins, and the parameters that are trained."""
    manual_seed(seed)
    if way == SCRATCH:
        network = models.build("lenet", {**NETWORK, "num_classes": 2})
        return network, network.parameters()
    network = models.build("lenet", {**NETWORK, "num_classes": 8})
    network.load_state_dict(weights)
    replace_head(network, 2)
    return network, head_and_body(network, lr / 10)


def draw(results: dict[str, Any]) -> None:
    """For each pair the mean over the seeds of both ways, in a band from the worst to the best seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    panels = figure.subplots(1, len(results), squeeze=False)[0]
    for axes, found in zip(panels, results.values(), strict=True):
        for way, colour in WAYS.items():
            curves = 100 * np.array(found["ways"][way]["test_accuracy"])
            epochs = np.arange(1, curves.shape[1] + 1)
            axes.plot(epochs, curves.mean(0), color=colour, label=way)
            axes.fill_between(epochs, curves.min(0), curves.max(0), color=colour, alpha=0.15, linewidth=0)
        axes.set_title(" and ".join(found["classes"]))
        axes.set_xlabel("epochs on 200 images")
        axes.set_xlim(1, found["epochs"])
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on 2,000 test images (%)")
    panels[-1].legend(loc="lower right")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=130)


def table(results: dict[str, Any]) -> str:
    """Mean and standard deviation over the seeds, in per cent, and how often fine-tuning was better."""
    rows = [
        "| classes | epochs | fine-tuned | from scratch | difference | seeds in which fine-tuned was better |",
        "|---|---|---|---|---|---|",
    ]
    for found in results.values():
        curves = {way: 100 * np.array(found["ways"][way]["test_accuracy"]) for way in WAYS}
        for epoch in SHOWN:
            reached = {way: curve[:, epoch - 1] for way, curve in curves.items()}
            difference = reached[FINETUNED] - reached[SCRATCH]
            cells = [f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" for values in reached.values()]
            better = f"{(difference > 0).sum()} of {len(difference)}"
            cells = [", ".join(found["classes"]), str(epoch), *cells, f"{difference.mean():+.1f}", better]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
