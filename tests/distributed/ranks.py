"""Starting programs on several ranks, each with a time limit."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMISED = sys.platform == "linux"  # where the extra `test` installs mpiexec


def mpiexec():
    """The program that starts ranks: beside Python, where pip puts it, else on the path."""
    beside = Path(sys.executable).parent
    found = shutil.which("mpiexec", path=os.pathsep.join([str(beside), os.environ.get("PATH", "")]))
    if (found is None or find_spec("mpi4py") is None) and not PROMISED:
        pytest.skip("no MPI; on Linux the extra `test` installs one")
    assert found is not None, "no mpiexec: pip install 'minitorch-cv[test]'"
    return found


def on_ranks(ranks, *arguments, seconds=60):
    """`python -m arguments` on so many ranks; what it printed, and its exit status."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [mpiexec(), "-n", str(ranks), sys.executable, "-m", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        timeout=seconds,
    )
