"""Tests on a GPU, for `benchmarks.gpu`: how many passed and which failed, also of a run that took too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

from .race import tell

ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=40")
DEVICES = (  # what a GPU decides: kernels, tiles, gradients, captured steps
    "tests/kernels/cuda/test_kernels.py",
    "tests/kernels/cuda/test_tiles.py",
    "tests/kernels/cuda/test_graph.py",
    "tests/gradcheck/test_on_gpu.py",
    "tests/compiled/test_capturing.py",
    "tests/test_device.py",
)
SIMULATED_ONLY = ("-k", "not order_of_threads")
WATCHED = ("tests/kernels/cuda/test_kernels.py", "-k", "matches_reference and float32")
GRACE = 20  # seconds in which an interrupted pytest writes its results
SHOWN = 1000  # characters of a failure that are kept


def outcomes(command: list[str], patience: float) -> dict[str, Any]:
    """What pytest found, and how it ended: by itself, or interrupted after `patience` seconds.

    An interrupted pytest still writes what it knows. "lines" are the last that were printed.
    """
    tell(" ".join(command))
    with TemporaryDirectory() as folder:
        results, printed = Path(folder, "results.xml"), Path(folder, "printed")
        with printed.open("w") as output:
            try:
                process = subprocess.Popen(
                    [*command, f"--junitxml={results}"],
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                return {"ended": str(error)}
            ended = waited_for(process, patience)
        lines = printed.read_text(errors="replace").strip().splitlines()[-5:]
        return {"ended": ended, **counted(results), "lines": lines}


def waited_for(process: subprocess.Popen[Any], patience: float) -> str:
    """How a process ended; one that takes too long is interrupted, and killed if that does not help."""
    try:
        return f"by itself, with status {process.wait(patience)}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)  # its workers, too
    try:
        process.wait(GRACE)
        return f"interrupted after {patience:g} seconds"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"killed after {patience:g} seconds"


def counted(results: Path) -> dict[str, Any]:
    """Tests that passed, failed and were skipped, in a file of pytest's, and what it says of those that failed."""
    try:
        # One that was interrupted has no name.
        cases = [case for case in ElementTree.parse(results).iter("testcase") if case.get("name")]
    except (OSError, ElementTree.ParseError) as error:
        return {"results": f"none ({error})"}
    failures: dict[str, str] = {}
    skipped = 0
    for case in cases:
        skipped += case.find("skipped") is not None
        for found in (*case.findall("failure"), *case.findall("error")):
            failures[f"{case.get('classname')}::{case.get('name')}"] = (found.text or "")[-SHOWN:]
    passed = len(cases) - skipped - len(failures)
    return {"passed": passed, "failed": len(failures), "skipped": skipped, "failures": failures}
