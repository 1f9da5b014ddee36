"""Two result files against each other: `python -m benchmarks.compare OLD.json NEW.json [--tolerance 0.1]`.

Prints old / new for every time in both (above 1 is faster now) and ends with status 1 where one got slower by more
than the tolerance, or is missing. Files from another machine, of other shapes or with other numbers of threads cannot
be compared and are refused with status 2; versions of libraries may differ, and are named.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIMES = {"step_ms", "median_s", "ms"}  # the figures of a row that are times
SAME = ("processor", "cores", "system")  # of the machine
LEVELS = ("results", "contenders", "rows")  # of a file, which say nothing in the name of a row
FIXED = ("input", "shape", "options", "threads", "precision", "what")  # facts at any depth that have to agree


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__.split("\n")[0])
    parser.add_argument("old", type=Path, metavar="OLD.json")
    parser.add_argument("new", type=Path, metavar="NEW.json")
    parser.add_argument("--tolerance", type=float, default=0.1, help="how much slower is no failure (default: 0.1)")
    options = parser.parse_args()
    old, new = (json.loads(path.read_text()) for path in (options.old, options.new))
    refusals = differences(old, new)
    if refusals:
        print(f"cannot compare {options.old} with {options.new}:", *refusals, sep="\n  ", file=sys.stderr)
        raise SystemExit(2)
    for name, before in old["machine"].items():
        if new["machine"].get(name) != before:
            print(f"{name}: {before} -> {new['machine'].get(name)}")
    if not report(dict(times(old)), dict(times(new)), options.tolerance):
        raise SystemExit(1)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why these two cannot be compared: the facts that differ."""
    found = [
        f"{name}: {old['machine'].get(name)} and {new['machine'].get(name)}"
        for name in SAME
        if old["machine"].get(name) != new["machine"].get(name)
    ]
    before, after = dict(facts(old)), dict(facts(new))
    return found + [
        f"{path}: {before[path]} and {after[path]}" for path in before if path in after and before[path] != after[path]
    ]


def facts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every fact that both files must agree on."""
    for key, inner in entries(value):
        if key in FIXED:
            yield f"{path}{key}", inner
        else:
            yield from facts(inner, f"{path}{key} ")


def times(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """(path, time) of every time in a result."""
    for key, inner in entries(value):
        if key in TIMES:
            yield path.strip(), inner
        else:
            yield from times(inner, path if key in LEVELS else f"{path}{key} ")


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """What a dictionary holds, or a list of rows that each have a label."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from ((row["label"], row) for row in value if isinstance(row, dict) and "label" in row)


def report(old: dict[str, float], new: dict[str, float], tolerance: float) -> bool:
    """Print a row for each time; True where none is missing and none of ours got slower beyond the tolerance.

    What another library does is shown, but no failure of ours.
    """
    good = True
    print(f"{'':44}{'old':>11}{'new':>11}{'old/new':>9}")
    for path, before in old.items():
        if path not in new:
            good = False
            print(f"{path:44}{before:11.3f}{'missing':>11}")
            continue
        slower = new[path] > before * (1 + tolerance) and " torch " not in f" {path} "
        good = good and not slower
        print(f"{path:44}{before:11.3f}{new[path]:11.3f}{before / new[path]:8.2f}x{'  SLOWER' * slower}")
    for path in new.keys() - old.keys():
        print(f"{path:44}{'new':>11}{new[path]:11.3f}")
    return good


if __name__ == "__main__":
    main()
