"""`minitorch-cv gradcheck`."""

from __future__ import annotations

from typing import Annotated

import typer

from .errors import fail


def command(
    pattern: Annotated[
        str | None,
        typer.Argument(help="Check only what has this text in its name, for instance conv2d.", show_default=False),
    ] = None,
    networks: Annotated[
        bool, typer.Option("--networks", help="Check all networks as a whole instead, which takes many minutes.")
    ] = False,
    device: Annotated[
        str, typer.Option(help="Where to check: cpu, cuda, cuda:1, ..., or cuda-sim, the simulated GPU.")
    ] = "cpu",
) -> None:
    """Compare every gradient with central differences in float64: all operations, all kernels, and LeNet as a whole.

    Exit status: 0 all pass, 1 something fails.
    """
    from ..device import usable
    from ..gradcheck import run

    try:
        usable(device)
    except (RuntimeError, ValueError) as error:
        fail(error)
    if not run(pattern, networks=networks, device=device):
        raise typer.Exit(1)
