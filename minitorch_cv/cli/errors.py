"""Errors of the user's, on one line."""

from __future__ import annotations

from typing import NoReturn

import typer

from ..distributed import is_initialized, launched
from ..messages import say


def say_error(message: object) -> None:
    """Print `minitorch-cv: error: message` on stderr, on one line, or as many as the terminal needs for it.

    Until the ranks that mpiexec started have met, what goes wrong goes wrong on all of them, and the first one says it.
    """
    rank, _ = launched()
    if rank > 0 and not is_initialized():
        return
    say(f"minitorch-cv: error: {' '.join(str(message).split())}")


def fail(message: object) -> NoReturn:
    """Say what is wrong with the command line and end with status 2."""
    say_error(message)
    raise typer.Exit(2)
