"""The table of a summary, in the manner of torchinfo."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summary import Row, Summary

MEGA = 1_000_000
COLUMNS = ("Output Shape", "Param #", "Mult-Adds")
WIDTH = 24
FIRST = "Layer (type (name): depth-index)"


def text(summary: Summary) -> str:
    """The rows down to the wanted depth between double lines, then the totals."""
    rows = [row for row in summary.rows if row.depth <= summary.depth]
    labels = labelled(rows)
    first = max(len(label) for label in [FIRST, *labels]) + 2
    line = "=" * (first + WIDTH + 2 * (WIDTH - 8))
    body = [cells(first, label, *values(row, summary.depth)) for label, row in zip(labels, rows)]
    return "\n".join([line, cells(first, FIRST, *COLUMNS), line, *body, line, *totals(summary, line), line])


def labelled(rows: list[Row]) -> list[str]:
    """`├─Conv2d (conv1): 2-1` for each row: how deep it lies, and the how-manieth of this depth it is."""
    labels, counts = [], dict.fromkeys(range(max(row.depth for row in rows) + 1), 0)
    for row in rows:
        counts[row.depth] += 1
        branch = "│    " * (row.depth - 1) + "├─" if row.depth else ""
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


def cells(first: int, label: str, shape: str, parameters: str, multiply_adds: str) -> str:
    """One line of the table."""
    return f"{label:<{first}}{shape:<{WIDTH}}{parameters:>{WIDTH - 8}}{multiply_adds:>{WIDTH - 8}}"


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
