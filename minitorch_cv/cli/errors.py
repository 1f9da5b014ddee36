"""Errors of the user's, on one line."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from ..distributed import is_initialized, launched


def say_error(message: object) -> None:
    """Print `minitorch-cv: error: message` on stderr, on one line.

    Until the ranks that mpiexec started have met, what goes wrong goes wrong on all of them, and the first one says it.
    """
    rank, _ = launched()
    if rank > 0 and not is_initialized():
        return
    print("minitorch-cv: error:", " ".join(str(message).split()), file=sys.stderr)


def fail(message: object) -> NoReturn:
    """Say what is wrong with the command line and end with status 2."""
    say_error(message)
    raise typer.Exit(2)
