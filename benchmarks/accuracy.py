"""How exact float32 gradients are, ours and PyTorch's: `python -m benchmarks.accuracy [NAME ...]`.

Each network of the book gets the same weights and one batch in float64, where both libraries have to agree, and in
float32. The error of a gradient is ‖g - G‖ / ‖G‖, g being the float32 one and G PyTorch's in float64; a network's is
that over all its parameters together, and `worst` names the parameter with the largest error of its own beside those
whose gradient is nothing but rounding (a bias in front of batch norm). Sizes are smaller than in `benchmarks.networks`,
because float64 takes long: see SIZES. Results go to benchmarks/results/accuracy.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import book
from .machine import machine

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
SIZES = {  # (side of the images, images in the batch)
    "lenet": (28, 64),
    "lenet_relu": (28, 64),
    "alexnet": (224, 8),
    "vgg11": (224, 8),
    "nin": (224, 8),
    "googlenet": (96, 16),
    "resnet18": (96, 16),
    "densenet": (96, 16),
}
ROUNDING = 1e-9  # a gradient this much smaller than the largest is rounding
AGREEMENT = 1e-9  # of both libraries in float64


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", metavar="NAME", choices=[*SIZES, []], help=", ".join(SIZES))
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    results = json.loads(options.json.read_text())["results"] if options.json.exists() else {}
    print(f"{'':12}{'images':>14}{'ours':>11}{'PyTorch':>11}{'ratio':>8}   worst parameter of ours")
    for name in options.networks or SIZES:
        results[name] = row = measure(name)
        shape = "x".join(map(str, row["input"]))
        print(f"{name:12}{shape:>14}{row['ours']:11.2e}{row['torch']:11.2e}{row['ratio']:7.2f}x", end="   ")
        print(f"{row['worst']['name']} {row['worst']['ours']:.1e}, {row['worst']['torch']:.1e}", flush=True)
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
    exact = gradients(torch, theirs, network, torch.float64)
    other = gradients(minitorch_cv, ours, network, minitorch_cv.float64)
    if error(other, exact) > AGREEMENT:
        raise SystemExit(f"{name}: the float64 gradients of both libraries differ by {error(other, exact):.1e}")
    mine = gradients(minitorch_cv, ours, network, minitorch_cv.float32)
    yours = gradients(torch, theirs, network, torch.float32)
    names = [key for key, _ in ours.named_parameters()]
    largest = max(np.linalg.norm(g) for g in exact)
    alone = [
        {"name": key, "ours": error([a], [g]), "torch": error([b], [g])}
        for key, a, b, g in zip(names, mine, yours, exact, strict=True)
        if np.linalg.norm(g) > ROUNDING * largest
    ]
    return {
        "input": [batch, 1, size, size],
        "ours": error(mine, exact),
        "torch": error(yours, exact),
        "ratio": round(error(mine, exact) / error(yours, exact), 3),
        "worst": max(alone, key=lambda row: row["ours"]),
    }


def gradients(library: Any, net: Any, network: book.Network, dtype: Any) -> list[np.ndarray]:
    """The gradient of each parameter after one batch, computed in this dtype from the same weights."""
    book.draw_weights(library, net)
    net.to(dtype)
    net.zero_grad()
    images, labels = book.batches(network, count=1)[0]
    loss = library.nn.CrossEntropyLoss()(net(library.tensor(images).to(dtype)), library.tensor(labels))
    loss.backward()
    return [parameter.grad.numpy().astype(np.float64) for parameter in net.parameters()]


def error(found: list[np.ndarray], exact: list[np.ndarray]) -> float:
    """‖g - G‖ / ‖G‖ over all of them together."""
    off = sum(float(((g - G) ** 2).sum()) for g, G in zip(found, exact, strict=True))
    return (off / sum(float((G**2).sum()) for G in exact)) ** 0.5


if __name__ == "__main__":
    main()
