"""`minitorch-cv gradcheck`."""

from __future__ import annotations

from typing import Annotated

import typer


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(help="Check only what has this text in its name, for instance conv2d.", show_default=False),
    ] = None,
    networks: Annotated[
        bool, typer.Option("--networks", help="Check all networks as a whole instead, which takes many minutes.")
    ] = False,
) -> None:
    """Compare every gradient with central differences in float64: all operations, all kernels, and LeNet as a whole.

    Exit status: 0 all pass, 1 something fails.
    """
    from ..gradcheck import run

    if not run(pattern, networks=networks):
        raise typer.Exit(1)
