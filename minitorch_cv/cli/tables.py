"""Tables on stdout: fitted to a terminal, and a line for each row in a file or pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

WIDE = 10_000  # columns of a file


def print_table(
    rows: Sequence[Sequence[str]], titles: Sequence[str] | None = None, numbers: Sequence[int] = ()
) -> None:
    """Print the rows, below titles if there are any; the columns that hold numbers are moved to the right."""
    table = Table(box=None, show_header=titles is not None, pad_edge=False, padding=(0, 2, 0, 0))
    for position in range(len(rows[0])):
        title = titles[position] if titles else ""
        table.add_column(title, justify="right" if position in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
