"""Gradient checks: `gradcheck` for a function, `run` for every operation and LeNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .check import gradcheck
from .report import Element, Report

if TYPE_CHECKING:
    from rich.console import Console


def run(
    pattern: str | None = None, console: Console | None = None, networks: bool = False, device: Any = "cpu"
) -> bool:
    """Check every case whose name contains `pattern`, print a table, and return True where all passed.

    networks: check all networks as a whole instead of operations, kernels and LeNet. device: where; on a GPU the
    kernels' references, which are NumPy's, have no part in it.
    """
    from .table import run_table

    return run_table(pattern, console, networks, device)


__all__ = ["Element", "Report", "gradcheck", "run"]
