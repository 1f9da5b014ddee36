"""`minitorch-cv doctor`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

LABELS = {
    "vector_bits": "vector width (bits)",
    "threading_layer": "threading layer",
    "cupy": "CuPy",
    "cuda": "CUDA",
    "gpu": "GPU",
}


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Print versions, cores, vector width, threading layer, CUDA, caches and where the data set was found.

    Paste this into a bug report. Nothing is downloaded, compiled or changed.
    """
    from ..doctor import facts

    found = facts()
    if as_json:
        print(json.dumps(found))
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """The facts as a table with a section for each group."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for group, entries in found.items():
        for i, (name, value) in enumerate(entries.items()):
            table.add_row(LABELS.get(group, group) if i == 0 else "", LABELS.get(name, name), escape(str(value)))
        table.add_section()
    Console(highlight=False).print(table)
