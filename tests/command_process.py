"""The command line in a process of its own, with NumPy's kernels (nothing to compile) and the built-in images.

python -m tests.command_process train lenet ...
"""

import sys
from pathlib import Path

import minitorch_cv
from minitorch_cv.cli import main
from minitorch_cv.data import DataError, sources


def offline(published, folder):
    raise DataError("offline")


if __name__ == "__main__":
    sources.SYSTEM_FOLDERS = ()
    sources.cache_folder = lambda: Path("no-cache")
    sources.download = offline
    with minitorch_cv.use("reference"):
        sys.exit(main(sys.argv[1:]))
