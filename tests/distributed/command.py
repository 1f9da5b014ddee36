"""The command line on several ranks, where something happens to one of them after so many batches.

python -m tests.distributed.command ACTION RANK BATCHES train lenet ... ; ACTION "nothing" lets it be.
"""

import os
import signal
import sys
from pathlib import Path

from matplotlib.figure import Figure

import minitorch_cv
from minitorch_cv.cli import main, run
from minitorch_cv.cli.interrupt import Interrupt
from minitorch_cv.data import DataError, sources
from minitorch_cv.distributed import get_rank
from tests.command_process import offline


def stop():
    """Ctrl-C, noticed on this rank alone."""
    signal.raise_signal(signal.SIGINT)


def kill():
    """What the kernel does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def error():
    """A mistake in the program."""
    raise AssertionError("broken on purpose")


def data():
    """An image that cannot be read."""
    raise DataError("picture.png: broken on purpose")


def let_it_happen(action, rank, batches):
    """Do it on this rank, at the end of the batch that makes so many."""
    original, count = Interrupt.check, 0

    def check(interrupt):
        nonlocal count
        count += 1
        if (get_rank(), count) == (rank, batches):
            action()
        original(interrupt)

    Interrupt.check = check


if __name__ == "__main__":
    action, rank, batches, *arguments = sys.argv[1:]
    if action != "nothing":
        let_it_happen(globals()[action], int(rank), int(batches))
    run.Run.draw_predictions = lambda self: None
    run.plot_curves = lambda *given: Figure()
    sources.SYSTEM_FOLDERS = ()
    sources.cache_folder = lambda: Path("no-cache")
    sources.download = offline
    with minitorch_cv.use("reference"):
        sys.exit(main(arguments))
