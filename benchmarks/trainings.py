"""Every network trained for real on Fashion-MNIST: `python -m benchmarks.trainings [NAME ...]`.

Each entry of TRAININGS is one `minitorch-cv train` command, run once for each of its seeds. What came out is kept in
benchmarks/results/trainings.json under the entry's name, beside the command and the machine; a run of some entries
leaves the others as they were. `--table` prints the results as the table of docs/networks.md.

BOOK has the book's networks at its sizes, on all images and for 20 epochs, which is work for a GPU:
`python -m benchmarks.trainings resnet18-book --device cuda`.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .machine import gpu, machine

RESULTS = Path(__file__).parent / "results" / "trainings.json"


@dataclass(frozen=True)
class Training:
    """The arguments of one `minitorch-cv train` command, and the seeds to run it with."""

    arguments: str
    seeds: tuple[int, ...] = (0,)


# On two cores the networks of the later chapters take hours for all of Fashion-MNIST at the book's sizes. What follows
# the MLP is as much of it as takes a few minutes each: a tenth of the images or less at fewer pixels, and Adam
# where a network without batch norm would not start within so few steps of plain SGD.
TENTH = "--limit 6000 --batch-size 64"
TWENTIETH = "--limit 3000 --batch-size 32"
THIRTIETH = "--limit 2000 --batch-size 32"
FORTIETH = "--limit 1500 --batch-size 32"
HUNDREDTH = "--limit 600 --batch-size 16"
TRAININGS: dict[str, Training] = {
    "lenet": Training("lenet", seeds=(0, 1, 2, 3, 4)),
    "lenet-relu": Training("lenet --activation relu --lr 0.1 --batch-size 128 --epochs 20"),
    "bn_lenet": Training("bn_lenet"),
    "softmax_regression": Training("softmax_regression"),
    "mlp": Training("mlp"),
    "alexnet": Training(f"alexnet {TWENTIETH} --resize 72 --epochs 4 --optimizer adam --lr 0.0003"),
    "alexnet_paper": Training(f"alexnet_paper {HUNDREDTH} --resize 72 --epochs 4 --optimizer adam --lr 0.0003"),
    "zfnet": Training(f"zfnet {THIRTIETH} --resize 64 --epochs 3 --optimizer adam --lr 0.0003"),
    "vgg11": Training(f"vgg11 {TENTH} --resize 32 --epochs 6 --optimizer adam --lr 0.0003"),
    "vgg13": Training(f"vgg13 {HUNDREDTH} --resize 32 --epochs 4 --optimizer adam --lr 0.0003"),
    "vgg16": Training(f"vgg16 {TWENTIETH} --resize 32 --epochs 4 --optimizer adam --lr 0.0003"),
    "vgg19": Training(f"vgg19 {THIRTIETH} --resize 32 --epochs 4 --optimizer adam --lr 0.0003"),
    "nin": Training(f"nin {TWENTIETH} --resize 72 --epochs 10 --optimizer adam --lr 0.001"),
    "googlenet": Training(f"googlenet {TWENTIETH} --resize 48 --epochs 4 --optimizer adam --lr 0.001"),
    "googlenet_bn": Training(f"googlenet_bn {FORTIETH} --resize 48 --epochs 3"),
    "resnet18": Training(f"resnet18 {TENTH} --resize 48 --epochs 4"),
    "resnet34": Training(f"resnet34 {HUNDREDTH} --resize 32 --epochs 3 --lr 0.01"),
    "resnet50": Training(f"resnet50 {FORTIETH} --resize 32 --epochs 3 --lr 0.01"),
    "resnet101": Training(f"resnet101 {FORTIETH} --resize 32 --epochs 5 --optimizer adam --lr 0.0005"),
    "resnet152": Training(f"resnet152 {FORTIETH} --resize 32 --epochs 5 --optimizer adam --lr 0.0005"),
    "preact_resnet18": Training(f"preact_resnet18 {FORTIETH} --resize 32 --epochs 3"),
    "preact_resnet34": Training(f"preact_resnet34 {HUNDREDTH} --resize 32 --epochs 2"),
    "preact_resnet50": Training(f"preact_resnet50 {HUNDREDTH} --resize 32 --epochs 2 --lr 0.01"),
    "resnext50": Training(f"resnext50 {FORTIETH} --resize 32 --epochs 3 --lr 0.01"),
    "se_resnet18": Training(f"se_resnet18 {FORTIETH} --resize 32 --epochs 3"),
    "se_resnet50": Training(f"se_resnet50 {HUNDREDTH} --resize 32 --epochs 4"),
    "cbam_resnet18": Training(f"cbam_resnet18 {FORTIETH} --resize 32 --epochs 3"),
    "cbam_resnet50": Training(f"cbam_resnet50 {HUNDREDTH} --resize 32 --epochs 2"),
    "densenet": Training(f"densenet {TENTH} --resize 48 --epochs 6"),
    "densenet121": Training(f"densenet121 {HUNDREDTH} --resize 32 --epochs 2"),
    "densenet169": Training(f"densenet169 {HUNDREDTH} --resize 32 --epochs 2 --lr 0.02"),
    "densenet201": Training("densenet201 --limit 400 --batch-size 16 --resize 32 --epochs 3 --lr 0.02"),
    "squeezenet": Training(f"squeezenet {TENTH} --resize 64 --epochs 6"),
    "mobilenet_v1": Training(f"mobilenet_v1 {THIRTIETH} --resize 48 --epochs 3"),
    "mobilenet_v2": Training(f"mobilenet_v2 {TENTH} --resize 64 --epochs 4"),
    "shufflenet_v2": Training(f"shufflenet_v2 {TENTH} --resize 64 --epochs 6"),
    "efficientnet_b0": Training(f"efficientnet_b0 {THIRTIETH} --resize 48 --epochs 3"),
}
BOOKS = ("lenet", "alexnet", "vgg11", "nin", "googlenet", "resnet18", "densenet")
BOOK = {f"{name}-book": Training(f"{name} --epochs 20 --compile") for name in BOOKS}


def main() -> None:
    options = arguments()
    if options.table:
        print(table(read_results()))
        return
    for name in options.names or TRAININGS:
        training = (TRAININGS | BOOK)[name]
        command = training.arguments + (f" --device {options.device}" if options.device != "cpu" else "")
        runs = [train(command, seed) for seed in training.seeds]
        entry = {
            "command": f"minitorch-cv train {command}",
            "machine": {**machine(), **gpu(options.device)},
            "runs": runs,
        }
        results = read_results() | {name: entry}
        ordered = {key: results[key] for key in (*TRAININGS, *BOOK) if key in results}
        RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
        print(f"{name}: written to benchmarks/results/{RESULTS.name}", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trainings", description=__doc__.split("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", choices=[*TRAININGS, *BOOK, []], help="which (default: all but NAME-book)"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 or cuda-sim (default: cpu)")
    parser.add_argument("--table", action="store_true", help="print the results there are, and train nothing")
    return parser.parse_args()


def read_results() -> dict[str, Any]:
    """What earlier runs left."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def train(command: str, seed: int) -> dict[str, Any]:
    """Run one training, which shows itself on the terminal; its settings, epochs and result."""
    print(f"\nminitorch-cv train {command} --seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        program = [sys.executable, "-m", "minitorch_cv", "train", *shlex.split(command), "--seed", str(seed)]
        subprocess.run([*program, "--out", folder, "--json"], stdout=subprocess.PIPE, check=True)
        seconds = time.perf_counter() - start
        config = json.loads((Path(folder) / "config.json").read_text())
        lines = (Path(folder) / "metrics.jsonl").read_text().splitlines()
    kept = {name: value for name, value in config.items() if name not in ("machine", "versions")}
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "settings": kept,
        "epochs": [json.loads(line) for line in lines],
    }


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table; of several seeds the least, the middle and the largest value."""
    rows = [
        "| network | images | epochs | train loss | train acc | test acc | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in results.items():
        runs = entry["runs"]
        settings, last = runs[0]["settings"], [run["epochs"][-1] for run in runs]
        size = settings.get("resize") or 28
        cells = [
            f"`{entry['command'].removeprefix('minitorch-cv train ')}`" if name != settings["model"] else name,
            f"{settings['train_images']:,} of {size}x{size}",
            str(len(runs[0]["epochs"])),
            *(spread([epoch[key] for epoch in last]) for key in ("train_loss", "train_acc", "test_acc")),
            f"{statistics.median(run['seconds'] for run in runs) / 60:.1f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def spread(values: list[float]) -> str:
    """One value, or the least / median / largest of several."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return " / ".join(f"{value:.3f}" for value in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    main()
