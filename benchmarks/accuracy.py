"""How exact float32 gradients are, ours and PyTorch's: `python -m benchmarks.accuracy [NAME ...]`.

Each network of the book gets the same weights and a few batches in float64, where both libraries have to agree, and in
float32. The error of a gradient is ‖g - G‖ / ‖G‖ over all parameters together, g being the float32 one and G PyTorch's
in float64. The figure is the median over the batches: where rounding turns the decision of a ReLU or of a max-pool,
another sum is computed and the error jumps, in either library; the largest error is in the results, too. Sizes are
smaller than in `benchmarks.networks`, because float64 takes long: see SIZES. Results go to
benchmarks/results/accuracy.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import book
from .machine import machine

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
SIZES = {  # (side of the images, images in a batch)
    "lenet": (28, 16),
    "lenet_relu": (28, 16),
    "alexnet": (224, 2),
    "vgg11": (224, 2),
    "nin": (224, 2),
    "googlenet": (96, 4),
    "resnet18": (96, 8),
    "densenet": (96, 8),
}
BATCHES = 7
AGREEMENT = 1e-9  # of both libraries in float64


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NAME", choices=[*SIZES, []], help=", ".join(SIZES))
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    results = json.loads(options.json.read_text())["results"] if options.json.exists() else {}
    print(f"{'':12}{'images':>14}{'ours':>11}{'PyTorch':>11}{'ratio':>8}   largest")
    for name in options.networks or SIZES:
        results[name] = row = measure(name)
        shape = "x".join(map(str, row["input"]))
        print(f"{name:12}{shape:>14}{row['ours']:11.2e}{row['torch']:11.2e}{row['ratio']:7.2f}x", end="   ")
        print(f"{row['largest_ours']:.1e}, {row['largest_torch']:.1e}", flush=True)
        ordered = {key: results[key] for key in SIZES if key in results}
        report = {"what": "error of float32 gradients against float64", "machine": machine(), "results": ordered}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")


def measure(name: str) -> dict[str, Any]:
    """The errors of one network's gradients."""
    import torch

    import minitorch_cv

    from . import torch_networks

    size, batch = SIZES[name]
    network = replace(book.NETWORKS[name], size=size, batch=batch)
    ours = minitorch_cv.models.build(network.model, network.options)
    theirs = torch_networks.build(network.model, network.options)
    mine, yours = [], []
    for images, labels in book.batches(network, BATCHES):
        exact = gradients(torch, theirs, torch.float64, images, labels)
        other = gradients(minitorch_cv, ours, minitorch_cv.float64, images, labels)
        if error(other, exact) > AGREEMENT:
            raise SystemExit(f"{name}: the float64 gradients of both libraries differ by {error(other, exact):.1e}")
        mine.append(error(gradients(minitorch_cv, ours, minitorch_cv.float32, images, labels), exact))
        yours.append(error(gradients(torch, theirs, torch.float32, images, labels), exact))
    return {
        "input": [batch, 1, size, size],
        "batches": BATCHES,
        "ours": statistics.median(mine),
        "torch": statistics.median(yours),
        "ratio": round(statistics.median(mine) / statistics.median(yours), 3),
        "largest_ours": max(mine),
        "largest_torch": max(yours),
    }


def gradients(library: Any, net: Any, dtype: Any, images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """The gradient of each parameter on one batch, computed in this dtype from the same weights."""
    book.draw_weights(library, net)
    net.to(dtype)
    net.zero_grad()
    loss = library.nn.CrossEntropyLoss()(net(library.tensor(images).to(dtype)), library.tensor(labels))
    loss.backward()
    return [parameter.grad.numpy().astype(np.float64) for parameter in net.parameters()]


def error(found: list[np.ndarray], exact: list[np.ndarray]) -> float:
    """‖g - G‖ / ‖G‖ over all of them together."""
    off = sum(float(((g - G) ** 2).sum()) for g, G in zip(found, exact, strict=True))
    return (off / sum(float((G**2).sum()) for G in exact)) ** 0.5


if __name__ == "__main__":
    main()
