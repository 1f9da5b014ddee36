"""Kernels called from several threads, and from processes forked in the middle of it, on each of Numba's layers."""

import json
import os
import subprocess
import sys

import pytest

from minitorch_kernels.jit import tbb_library

pytestmark = [
    pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"), reason="there are no threads"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

FORKS = {
    "quiet": "no other thread runs kernels",
    "quiet, grandchild": "a forked process forks in its turn",
    "quiet, threads": "and has threads of its own",
    "busy": "three threads compute, ten forks",
    "exit": "the new process ends like any program, and takes its modules apart",
    "threads": "it has threads of its own",
    "fork at once": "it forks before its first kernel",
    "fork later": "it forks after it",
    "compile": "it compiles",
    "error": "a kernel of it raises, and the next one runs",
    "another thread": "not the main thread forks",
    "two threads": "two threads fork at once",
    "subprocess": "a program is started with a function to call first",
    "quiet again": "the threads have ended",
    "exit again": "and the new process ends like any program",
}


@pytest.fixture(scope="module", params=["workqueue", "omp", "tbb", "tbb starter"])
def found(request):
    """How the cases of threads_process.py end on a layer."""
    layer, *how = request.param.split()
    if layer == "tbb" and tbb_library() is None:
        pytest.skip("the tbb package is not installed")
    command = [sys.executable, "-m", "tests.kernels.threads_process", *how]
    environment = {**os.environ, "NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    if "No threading layer could be loaded" in done.stderr:
        pytest.skip(f"Numba has no layer {layer} here")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) | {"asked for": layer}


def test_four_threads_compute_at_once(found):
    """On workqueue, too, which ends the process at the second caller unless they take turns."""
    assert found["layer"] == [found["asked for"]] * 2
    assert found["right"]


@pytest.mark.parametrize("case", FORKS)
def test_a_forked_process_computes(found, case):
    assert found[case] == 0, FORKS[case]


def test_a_fork_inside_a_kernel_does_not_wait_for_itself(found):
    assert found["inside a kernel"]
