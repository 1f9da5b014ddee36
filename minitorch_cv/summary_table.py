"""The table of a summary, in the manner of torchinfo."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summary import Row, Summary

MEGA = 1_000_000
COLUMNS = ("Layer (type (name): depth-index)", "Output Shape", "Param #", "Mult-Adds")
BRANCH = "│    "  # of the tree that the labels draw
GAP = "  "


def text(summary: Summary, width: int | None = None) -> str:
    """The rows down to the wanted depth between double lines, then the totals.

    The table is as wide as its widest cells; where that is more than `width`, labels go on in a second line.
    """
    rows = [row for row in summary.rows if row.depth <= summary.depth]
    body = [(label, *values(row, summary.depth)) for label, row in zip(labelled(rows), rows)]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *body)]
    if width is not None:
        widths[0] = max(len(COLUMNS[0]), min(widths[0], width - sum(widths[1:]) - len(GAP) * len(widths[1:])))
    line = "=" * (sum(widths) + len(GAP) * len(widths[1:]))
    lines = [line, cells(widths, COLUMNS), line]
    for row, (label, *others) in zip(rows, body):
        first, *more = textwrap.wrap(label, widths[0], subsequent_indent=BRANCH * row.depth, drop_whitespace=False)
        lines += [cells(widths, (first.rstrip(), *others)), *(rest.rstrip() for rest in more)]
    return "\n".join([*lines, line, *totals(summary, line), line])


def labelled(rows: list[Row]) -> list[str]:
    """`├─Conv2d (conv1): 2-1` for each row: how deep it lies, and the how-manieth of this depth it is."""
    labels, counts = [], dict.fromkeys(range(max(row.depth for row in rows) + 1), 0)
    for row in rows:
        counts[row.depth] += 1
        branch = BRANCH * (row.depth - 1) + "├─" if row.depth else ""
        number = f": {row.depth}-{counts[row.depth]}" if row.depth else ""
        labels.append(f"{branch}{row.type}{f' ({row.name})' if row.name else ''}{number}")
    return labels


def values(row: Row, max_depth: int) -> tuple[str, str, str]:
    """Shape, parameters and multiply-adds; those of a module whose parts have rows of their own stand there."""
    shape = "--" if row.output_shape is None else str(row.output_shape)
    if row.depth == 0 or (not row.is_leaf and row.depth < max_depth):
        return shape, "--", "--"
    parameters = "(repeated)" if row.repeated and row.parameters else count(row.parameters)
    return shape, parameters, count(row.multiply_adds)


def count(number: int) -> str:
    """A number with separators, `--` for 0."""
    return f"{number:,}" if number else "--"


def cells(widths: Sequence[int], row: Sequence[str]) -> str:
    """One line of the table: words to the left, numbers to the right."""
    label, shape, *numbers = row
    texts = [label.ljust(widths[0]), shape.ljust(widths[1])]
    return GAP.join(texts + [number.rjust(width) for number, width in zip(numbers, widths[2:])])


def totals(summary: Summary, line: str) -> list[str]:
    """What the rows come to, and how much memory that takes."""
    sizes = [summary.input_bytes, summary.activation_bytes, summary.parameter_bytes]
    return [
        f"Total params: {summary.parameters:,}",
        f"Trainable params: {summary.trainable:,}",
        f"Non-trainable params: {summary.frozen:,}",
        f"Total mult-adds: {summary.multiply_adds:,}",
        line,
        f"Input size (MB): {sizes[0] / MEGA:.2f}",
        f"Forward pass size, all outputs (MB): {sizes[1] / MEGA:.2f}",
        f"Params size (MB): {sizes[2] / MEGA:.2f}",
        f"Estimated total size (MB): {sum(sizes) / MEGA:.2f}",
    ]
