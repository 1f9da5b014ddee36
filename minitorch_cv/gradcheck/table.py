"""`minitorch-cv gradcheck`: all cases as a table, what they cover, and whether everything passed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from minitorch_kernels.kernel import REGISTRY, Kernel

from ..device import usable
from .case import Case
from .cases import CASES, operations, uncovered
from .networks import NETWORKS
from .report import Report

# kernels that no function reaches which one could differentiate
NO_GRADIENT = {
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "add",
    "add_into",
    "adjust_color",
    "gather_images",
    "gather_labels",
    "philox_key",
    "resample",
    "rmsprop_step",
    "sgd_step",
    "take_pixels",
}


@dataclass(frozen=True)
class Row:
    """One case and what came of it."""

    case: Case
    report: Report


def run_table(
    pattern: str | None = None, console: Console | None = None, networks: bool = False, device: Any = "cpu"
) -> bool:
    """Check the cases whose name contains `pattern` (all for None), print table and totals; True where all passed.

    The cases are those of operations, kernels and LeNet, or with networks=True the whole networks; on a GPU those of
    them that hold kernels to no implementation. RuntimeError where `device` is not there.
    """
    place = usable(device)
    console = console or Console()
    among = NETWORKS if networks else CASES
    if place.type != "cpu":
        among = [case for case in among if case.implementation is None]
    cases = [case for case in among if pattern is None or pattern in case.name]
    if not cases:
        console.print(f"no case contains {pattern!r}; leave the pattern out to run all {len(among)}", highlight=False)
        return False
    with kernels_called() as kernels:
        rows = list(run_all(track(cases, "checking gradients", console=console, transient=True), place))
    console.print(table_of(rows))
    failed = [row for row in rows if not row.report.ok]
    for row in failed:
        console.print(f"[red]{escape(row.case.name)}[/]: {escape(str(row.report))}", highlight=False)
    is_all = pattern is None and not networks
    gaps = left_out(kernels) if is_all and not failed else []
    for gap in gaps:
        console.print(f"[red]{escape(gap)}[/]", highlight=False)
    console.print(totals(rows), highlight=False)
    if is_all and not failed and not gaps:
        console.print(f"covered: all {len(operations())} operations and {len(kernels)} kernels", highlight=False)
    return not failed and not gaps


def run_all(cases: Iterable[Case] = CASES, device: Any = "cpu") -> Iterator[Row]:
    """Check one case after the other; one that raises an error has failed; the others still run."""
    for case in cases:
        try:
            report = case.check(device)
        except Exception as error:
            report = Report(rtol=0.0, problems=[f"{type(error).__name__}: {error}"])
        yield Row(case, report)


@contextmanager
def kernels_called() -> Iterator[set[str]]:
    """The set of the names of all kernels called inside the `with` block."""
    names: set[str] = set()
    pick = Kernel.pick

    def noted(self: Kernel, args: tuple[Any, ...]) -> Any:
        names.add(self.name)
        return pick(self, args)

    Kernel.pick = noted  # type: ignore[method-assign]
    try:
        yield names
    finally:
        Kernel.pick = pick  # type: ignore[method-assign]


def left_out(kernels: set[str]) -> list[str]:
    """What no case reached: operations, and kernels other than those that have no gradient."""
    kinds = {"operations": uncovered(), "kernels": set(REGISTRY) - kernels - NO_GRADIENT}
    return [f"no case covers the {kind} {', '.join(sorted(names))}" for kind, names in kinds.items() if names]


def table_of(rows: list[Row]) -> Table:
    """A line for each case."""
    table = Table(box=SIMPLE_HEAD, title="backward against differences, float64", padding=(0, 1, 0, 0))
    table.add_column("function and case")
    for heading in ("elements", "kinks", "error", "result"):
        table.add_column(heading, justify="right", min_width=len(heading))
    for case, report in ((row.case, row.report) for row in rows):
        table.add_row(
            escape(case.name),
            str(report.checked),
            str(report.kinks or ""),
            f"{report.worst.relative_error:.1e}" if report.worst else "",
            "[green]ok[/]" if report.ok else "[red]FAILED[/]",
        )
    return table


def totals(rows: list[Row]) -> str:
    """One line: cases, elements, kinks, failures, the worst error of all."""
    reports = [row.report for row in rows]
    worst = max((report.worst.relative_error for report in reports if report.worst), default=0.0)
    return (
        f"{len(rows)} cases: {sum(not report.ok for report in reports)} failed; "
        f"{sum(report.checked for report in reports):,} elements checked, "
        f"{sum(report.failures for report in reports)} wrong, {sum(report.kinks for report in reports)} at kinks; "
        f"worst relative error {worst:.1e}"
    )
