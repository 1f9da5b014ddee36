"""Puts the figures into docs/performance.md: `python -m benchmarks.document`.

Between the lines `<!-- figures: NAME -->` and `<!-- end -->` stands what this script makes of benchmarks/results/; all
else is written by hand. A result that has not been measured leaves its place empty. A test fails where document and
results differ.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "benchmarks" / "results"
PLACE = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"written to {DOCUMENT.relative_to(ROOT)}")


def filled(text: str) -> str:
    """The text with the figures in their places."""
    return PLACE.sub(lambda place: place[1] + figures(place[2]) + place[3], text)


def figures(name: str) -> str:
    """The table of one result file, with what it was measured on; nothing where there is no such file."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return ""
    report = json.loads(path.read_text())
    return f"{TABLES[name](report)}\n\n{measured_on(report)}\n"


def measured_on(report: dict[str, Any]) -> str:
    """One line about machine and versions."""
    machine = report["machine"]
    threads = f", {report['threads']} of its cores" if "threads" in report else ""
    versions = ", ".join(f"{name} {machine[name]}" for name in ("numpy", "numba", "torch"))
    return f"Measured on {machine['processor']} ({machine['cores']} cores{threads}), {machine['system']}, {versions}."


def markdown(*rows: list[str]) -> str:
    """A table whose first row is its head."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def ladder(report: dict[str, Any]) -> str:
    rows = [
        [name, f"{row['ms']:.1f}", times(row.get("times_faster"), 1), percent(row.get("share_of_peak"))]
        for name, row in report["results"].items()
    ]
    return markdown(["rung", "ms", "against the first", "of the peak"], *rows)


def networks(report: dict[str, Any]) -> str:
    names = list(dict.fromkeys(name for entry in report["results"].values() for name in entry["contenders"]))
    ours = [name for name in names if not name.startswith("torch")]
    rows = [["network, images", *(f"{name}, ms" for name in names), *(f"{name} is" for name in ours)]]
    for name, entry in report["results"].items():
        found = entry["contenders"]
        shape = "x".join(map(str, entry["input"]))
        rows.append(
            [
                f"{name}, {shape}",
                *(f"{found[c]['step_ms']:.1f}" if c in found else "" for c in names),
                *(times(found.get(c, {}).get("times_faster"), 2) for c in ours),
            ]
        )
    return markdown(*rows)


def accuracy(report: dict[str, Any]) -> str:
    rows = [
        [
            "network, images",
            *(f"{kind}, {c}" for kind in ("outputs", "gradients") for c in ("ours", "PyTorch", "ratio")),
        ]
    ]
    for name, row in report["results"].items():
        cells = [f"{name}, {'x'.join(map(str, row['input']))}"]
        for found in (row["outputs"], row["gradients"]):
            cells += [f"{found['ours']:.1e}", f"{found['torch']:.1e}", f"{found['ratio']:.2f}"]
        rows.append(cells)
    return markdown(*rows)


def startup(report: dict[str, Any]) -> str:
    return markdown(["a fresh process", "s"], *([n, f"{row['median_s']:.2f}"] for n, row in report["results"].items()))


def products(report: dict[str, Any]) -> str:
    rows = [["", "result", "shapes", "least", "median", "largest"]]
    found: dict[tuple[str, str], list[float]] = {}
    for row in report["results"]:
        if "ratio" in row:
            result = "" if row["kind"] == "matmul" else row["label"].split()[-1]
            found.setdefault((row["kind"], result), []).append(row["ratio"])
    for (kind, result), ratios in found.items():
        least, median, largest = (times(f(ratios), 2) for f in (min, statistics.median, max))
        rows.append([kind, result, str(len(ratios)), least, median, largest])
    return markdown(*rows)


def times(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}x"


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


TABLES = {"ladder": ladder, "networks": networks, "accuracy": accuracy, "startup": startup, "products": products}


if __name__ == "__main__":
    main()
