"""Training steps of the book's networks against PyTorch, in one run: `python -m benchmarks.networks [NAME ...]`.

A step is forward, backward and SGD in float32. Each contender works in a process of its own, so that thread pools do
not meet, with the same weights, the same batches and as many threads. The processes take turns, a block of steps each,
while the others wait: A B C A B C ... The figure is the median of the blocks; a ratio is the median of the ratios
within each turn. PyTorch runs as it is, with channels_last, compiled, and both; we are compared with the fastest.
Dropout is left out on both sides, so that the losses can be compared: where they differ by more than 1e-3 after the
same steps the row says so and the exit status is 1, for a fast wrong step is worth nothing.

Besides, for each contender: `cold_start_s`, from the start of a process to the end of its first step, with warm caches
on disk; `memory_mb`, the largest memory in use once steps repeat themselves, less that of a process which trained a
tiny network in the same way (`process_mb` is all of it); and, for us, what share of the multiply-adds that the
processor can do at most (`benchmarks.peak`) the step reaches, counting those of a plain convolution.

Results go to benchmarks/results/networks.json, where a run of some networks leaves the others as they were.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .book import NETWORKS, Network
from .contender import CONTENDERS, OURS, TORCH
from .machine import machine
from .race import UNCACHED, Contender, race, tell, times_faster

RESULTS = Path(__file__).parent / "results" / "networks.json"
LOSS_TOLERANCE = 1e-3
MB = 2**20


def main() -> None:
    options = arguments()
    names = options.contenders.split(",")
    conditions = {"threads": options.threads, "precision": "float32", "machine": machine()}
    entries = read(options.json, conditions)
    tell("the processor's peak")
    roof = processor_roof(options.threads)
    empty = {name: empty_process(name, options.threads) for name in names}
    measured = options.networks or list(NETWORKS)
    for name in measured:
        network = NETWORKS[name]
        steps = network.steps if options.steps is None else options.steps
        figures = race(name, names, options.threads, steps, options.turns)
        entries[name] = {**facts(network), **rows(figures, network, empty, roof), "turns": options.turns}
        print(table(name, entries[name]), flush=True)
        ordered = {key: entries[key] for key in NETWORKS if key in entries}
        report = {"what": "training step: forward, backward, SGD", **conditions, "results": ordered}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")
    if not all(entries[name]["losses_agree"] for name in measured):
        raise SystemExit("the losses differ by more than 1e-3: see above")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NAME", choices=[*NETWORKS, []], help=", ".join(NETWORKS))
    parser.add_argument("--threads", type=int, default=2, help="threads of each contender (default: 2)")
    parser.add_argument("--turns", type=int, default=15, help="blocks of each contender (default: 15)")
    parser.add_argument("--steps", type=int, help="training steps in a block (default: as suits the network)")
    parser.add_argument(
        "--contenders", default=",".join(available()), help=f"with commas, of: {', '.join(CONTENDERS)} (default: all)"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    for name in options.contenders.split(","):
        if name not in CONTENDERS:
            parser.error(f"no contender is called {name!r}; choose among {', '.join(CONTENDERS)}")
    return options


def available() -> list[str]:
    """All contenders; without ours compiled, as long as the engine has no `compile`."""
    import minitorch_cv

    return [name for name in CONTENDERS if name != "compiled" or hasattr(minitorch_cv, "compile")]


def read(path: Path, conditions: dict[str, Any]) -> dict[str, Any]:
    """What earlier runs under the same conditions left; results from another machine or version start afresh."""
    if not path.exists():
        return {}
    report = json.loads(path.read_text())
    return report["results"] if all(report[key] == value for key, value in conditions.items()) else {}


def processor_roof(threads: int) -> dict[str, float]:
    """The processor's limits, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.peak", str(threads)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return {"multiply_adds_per_second": float(found[0]), "bytes_per_second": float(found[1])}


def empty_process(name: str, threads: int) -> int:
    """The memory in bytes of a contender's process that trains a tiny network."""
    tell(f"{name} without a network")
    if name not in UNCACHED:
        Contender("tiny", name, threads).stop()  # so that the one that counts compiles nothing
    contender = Contender("tiny", name, threads)
    found = contender.turn(1)
    contender.stop()
    return found["peak"]


def facts(network: Network) -> dict[str, Any]:
    """What is measured."""
    return {
        "model": network.model,
        "options": dict(network.options),
        "input": [network.batch, 1, network.size, network.size],
        "multiply_adds": multiply_adds(network),
    }


def multiply_adds(network: Network) -> int:
    """Those of one training step's convolutions and linear layers.

    Forward, gradient of the weights and gradient of the input take as many each; the first layer has no input gradient.
    """
    from minitorch_cv import models, summary

    shape = (network.batch, 1, network.size, network.size)
    rows = summary(models.build(network.model, network.options), shape, verbose=0).rows
    layers = [row.multiply_adds for row in rows if row.is_leaf and row.multiply_adds]
    return 3 * sum(layers) - layers[0]


def rows(
    figures: dict[str, dict[str, Any]], network: Network, empty: dict[str, int], roof: dict[str, float]
) -> dict[str, Any]:
    """The figures of each contender, and ours against PyTorch's best."""
    contenders = {}
    products = multiply_adds(network)
    for name, found in figures.items():
        step = statistics.median(found["blocks"])
        contenders[name] = {
            "step_ms": round(1e3 * step, 3),
            "least_step_ms": round(1e3 * min(found["blocks"]), 3),
            "images_per_second": round(network.batch / step, 1),
            "cold_start_s": round(found["cold_start_s"], 2),
            "memory_mb": round((found["peak"] - empty[name]) / MB, 1),
            "process_mb": round(found["peak"] / MB, 1),
            "loss": found["losses"][-1],
        }
        if name in OURS:
            contenders[name]["share_of_peak"] = round(products / step / roof["multiply_adds_per_second"], 3)
    result: dict[str, Any] = {
        "roof": roof,
        "contenders": contenders,
        "losses_agree": agree([found["losses"] for found in figures.values()]),
    }
    theirs = [name for name in figures if name in TORCH]
    if theirs:
        best = min(theirs, key=lambda name: contenders[name]["step_ms"])
        least = min(contenders[name]["memory_mb"] for name in theirs)
        result["torch_best"] = best
        for name in (name for name in OURS if name in figures):
            ratio = times_faster(figures[name]["blocks"], figures[best]["blocks"])
            contenders[name]["times_faster"] = round(ratio, 3)
            contenders[name]["share_of_memory"] = round(contenders[name]["memory_mb"] / least, 3)
    return result


def agree(losses: list[list[float]]) -> bool:
    """True where the losses of all contenders are the same within 1e-3 after each block."""
    after_each = [np.array(values) for values in zip(*losses, strict=True)]
    return all(bool(np.ptp(values) <= LOSS_TOLERANCE) for values in after_each)  # no NaN is


def table(name: str, entry: dict[str, Any]) -> str:
    """The rows of one network."""
    shape = "x".join(map(str, entry["input"]))
    lines = [f"\n{name}, input {shape}, {entry['multiply_adds'] / 1e9:.2f} G multiply-adds"]
    lines.append(f"{'':28}{'ms':>9}{'images/s':>10}{'cold s':>8}{'MB':>8}{'loss':>10}{'of peak':>9}{'ours is':>9}")
    for contender, row in entry["contenders"].items():
        cells = f"{row['step_ms']:9.2f}{row['images_per_second']:10.0f}{row['cold_start_s']:8.2f}"
        cells += f"{row['memory_mb']:8.0f}{row['loss']:10.5f}"
        if "share_of_peak" in row:
            cells += f"{row['share_of_peak']:9.0%}"
        if "times_faster" in row:
            cells += f"{row['times_faster']:8.2f}x"
        lines.append(f"{contender + (' *' if contender == entry.get('torch_best') else ''):28}{cells}")
    if not entry["losses_agree"]:
        lines.append("FAILURE: the losses differ by more than 1e-3 after the same steps")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
