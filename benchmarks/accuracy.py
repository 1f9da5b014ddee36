"""How exact float32 outputs and gradients are, ours and PyTorch's: `python -m benchmarks.accuracy [NAME ...]`.

Each network of the book gets the same weights and a few batches in float64, where both libraries have to agree, and in
float32. The error is ‖g - G‖ / ‖G‖ over all parameters and batches together, g being the float32 gradients and G
PyTorch's in float64; the same for the outputs. Where rounding turns the decision of a ReLU or of a max-pool, another
sum is computed and the gradient jumps, in either library: the larger the batch, the less depends on single jumps, and
the ratio of the outputs does not depend on them. Sizes are those of `benchmarks.networks`, but for half or a quarter of
the images where float64 would take long: see BATCH. Results go to benchmarks/results/accuracy.json.
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
BATCH = {"alexnet": 16, "vgg11": 16, "nin": 8}  # images in a batch, where fewer than in the other benchmarks
AGREEMENT = 1e-9  # of both libraries in float64

Run = tuple[list[np.ndarray], list[np.ndarray]]  # the outputs, and the gradients


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument(
        "networks", nargs="*", metavar="NAME", choices=[*book.NETWORKS, []], help=", ".join(book.NETWORKS)
    )
    parser.add_argument("--batches", type=int, default=3, help="batches of each network (default: 3)")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the results are kept")
    options = parser.parse_args()
    results = json.loads(options.json.read_text())["results"] if options.json.exists() else {}
    print(
        f"{'':12}{'images':>14}{'outputs':>10}{'PyTorch':>10}{'ratio':>8}{'gradients':>12}{'PyTorch':>10}{'ratio':>8}"
    )
    for name in options.networks or book.NETWORKS:
        results[name] = row = measure(name, options.batches)
        cells = f"{name:12}{'x'.join(map(str, row['input'])):>14}"
        for kind in ("outputs", "gradients"):
            found = row[kind]
            cells += (
                f"{found['ours']:{12 if kind == 'gradients' else 10}.1e}{found['torch']:10.1e}{found['ratio']:7.2f}x"
            )
        print(cells, flush=True)
        ordered = {key: results[key] for key in book.NETWORKS if key in results}
        report = {"what": "error of float32 gradients against float64", "machine": machine(), "results": ordered}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written to {options.json}")


def measure(name: str, count: int) -> dict[str, Any]:
    """The errors of one network."""
    import torch

    import minitorch_cv

    from . import torch_networks

    network = replace(book.NETWORKS[name], batch=BATCH.get(name, book.NETWORKS[name].batch))
    ours = minitorch_cv.models.build(network.model, network.options)
    theirs = torch_networks.build(network.model, network.options)
    data = book.batches(network, count)
    exact = run(torch, theirs, torch.float64, data)
    other = run(minitorch_cv, ours, minitorch_cv.float64, data)
    if (apart := error(other[1], exact[1])) > AGREEMENT:
        raise SystemExit(f"{name}: the float64 gradients of both libraries differ by {apart:.1e}")
    mine = run(minitorch_cv, ours, minitorch_cv.float32, data)
    yours = run(torch, theirs, torch.float32, data)
    row: dict[str, Any] = {"input": [network.batch, 1, network.size, network.size], "batches": count}
    for i, kind in enumerate(("outputs", "gradients")):
        a, b = error(mine[i], exact[i]), error(yours[i], exact[i])
        row[kind] = {"ours": a, "torch": b, "ratio": round(a / b, 3)}
    return row


def run(library: Any, net: Any, dtype: Any, data: list[tuple[np.ndarray, np.ndarray]]) -> Run:
    """Outputs and the gradients of all parameters for each batch, computed in this dtype from the same weights."""
    outputs, gradients = [], []
    for images, labels in data:
        book.draw_weights(library, net)
        net.to(dtype)
        net.zero_grad()
        y = net(library.tensor(images).to(dtype))
        library.nn.CrossEntropyLoss()(y, library.tensor(labels)).backward()
        outputs.append(y.detach().numpy().copy())
        gradients += [parameter.grad.numpy().copy() for parameter in net.parameters()]
    return outputs, gradients


def error(found: list[np.ndarray], exact: list[np.ndarray]) -> float:
    """‖g - G‖ / ‖G‖ over all of them together."""
    off = sum(float(((g.astype(np.float64) - G) ** 2).sum()) for g, G in zip(found, exact, strict=True))
    return (off / sum(float((G**2).sum()) for G in exact)) ** 0.5


if __name__ == "__main__":
    main()
