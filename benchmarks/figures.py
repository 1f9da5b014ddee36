"""Pictures of the networks' results: `python -m benchmarks.figures [FILE]`.

`networks.png`: how many times faster than PyTorch's best each network trains. `roofline.png`: multiply-adds a second
over multiply-adds for each byte that the layers' outputs and weights take, which is the least that has to be moved,
below the roof that the processor's peak and its memory set. Both go to docs/images/.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from .book import NETWORKS
from .contender import OURS

RESULTS = Path(__file__).parent / "results" / "networks.json"
IMAGES = Path(__file__).parent.parent / "docs" / "images"
COLOURS = {"eager": "C0", "compiled": "C2"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figures", description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=RESULTS, help="a result file of benchmarks.networks")
    parser.add_argument("--out", type=Path, default=IMAGES, metavar="FOLDER", help="where the pictures go")
    options = parser.parse_args()
    report = json.loads(options.file.read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    for name, draw in (("networks.png", draw_ratios), ("roofline.png", draw_roofline)):
        draw(report).savefig(options.out / name, dpi=130)
        print(f"written to {options.out / name}")


def ours_in(report: dict[str, Any]) -> list[str]:
    """Which of our contenders took part."""
    return [name for name in OURS if any(name in entry["contenders"] for entry in report["results"].values())]


def draw_ratios(report: dict[str, Any]) -> Any:
    """A group of bars for each network; PyTorch's best is the line at 1."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    contenders, results = ours_in(report), report["results"]
    width = 0.8 / len(contenders)
    for i, contender in enumerate(contenders):
        ratios = [entry["contenders"].get(contender, {}).get("times_faster", 0.0) for entry in results.values()]
        places = np.arange(len(results)) + (i - (len(contenders) - 1) / 2) * width
        bars = axes.bar(places, ratios, width, color=COLOURS[contender], label=f"minitorch_cv, {contender}")
        axes.bar_label(bars, fmt="%.2f", fontsize=8, padding=2)
    axes.axhline(1, color="0.3", linewidth=1)
    axes.set_xticks(range(len(results)), list(results))
    axes.set_ylabel("times faster than PyTorch's best mode")
    axes.set_title(f"A training step in float32 with {threads_of(report)}")
    axes.margins(y=0.12)
    axes.legend(loc="upper right")
    return figure


def draw_roofline(report: dict[str, Any]) -> Any:
    """Each network as a point for each contender of ours, and PyTorch's best as a grey one."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    results = report["results"]
    peak, memory = (
        max(entry["roof"][limit] for entry in results.values()) / 1e9
        for limit in ("multiply_adds_per_second", "bytes_per_second")
    )
    intensity = {name: entry["multiply_adds"] / least_bytes(name) for name, entry in results.items()}
    x = np.geomspace(min(intensity.values()) / 4, max(intensity.values()) * 4, 200)
    axes.plot(x, np.minimum(peak, memory * x), color="0.3")
    axes.annotate(f"peak, {peak:.0f}", (x[-1], peak), ha="right", va="bottom")
    for name, entry in results.items():
        shown = {entry["torch_best"]: "0.6"} if "torch_best" in entry else {}
        for contender, colour in {**shown, **COLOURS}.items():
            if contender in entry["contenders"]:
                rate = entry["multiply_adds"] / entry["contenders"][contender]["step_ms"] / 1e6
                axes.plot(intensity[name], rate, "o", color=colour)
        axes.annotate(name, (intensity[name], rate), xytext=(6, 4), textcoords="offset points", fontsize=8)
    for label, colour in {
        "PyTorch's best": "0.6",
        **{f"minitorch_cv, {c}": COLOURS[c] for c in ours_in(report)},
    }.items():
        axes.plot([], [], "o", color=colour, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(ScalarFormatter())
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("multiply-adds for each byte of outputs, gradients and weights")
    axes.set_ylabel("thousand million multiply-adds a second")
    axes.set_title(f"Roofline: memory at {memory:.0f} GB/s, {threads_of(report)}")
    axes.grid(alpha=0.3, which="both")
    axes.legend(loc="lower right")
    return figure


def least_bytes(name: str) -> int:
    """What a training step has to move at least.

    Outputs of the layers are written, read by the next layer and read again on the way back, their gradients written
    and read twice; weights are read twice and updated, their gradients written and read.
    """
    from minitorch_cv import models, summary

    network = NETWORKS[name]
    shape = (network.batch, 1, network.size, network.size)
    found = summary(models.build(network.model, network.options), shape, verbose=0)
    return 6 * found.activation_bytes + 6 * found.parameter_bytes


def threads_of(report: dict[str, Any]) -> str:
    """How many threads, for a title."""
    return f"{report['threads']} thread{'s' * (report['threads'] > 1)}"


if __name__ == "__main__":
    main()
