"""A process with busy threads that forks; it prints how each case ended, as one JSON object.

NUMBA_THREADING_LAYER=workqueue python -m tests.kernels.threads_process
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import minitorch_cv
from minitorch_kernels import conv2d, relu, threads
from minitorch_kernels import jit as jit_module
from minitorch_kernels.jit import jit, load_numba, on_compile, prange

X = np.random.default_rng(0).standard_normal((32, 3, 14, 14)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((8, 3, 3, 3)).astype(np.float32)

busy = True
right = True  # every result so far, in whatever thread


def compute():
    """Some kernels, and numbers from the default generator."""
    minitorch_cv.rand(10_000)
    return relu(conv2d(X, W, None, (1, 1), (0, 0), (1, 1), 1))


def compute_on():
    global right
    while busy:
        right = right and np.array_equal(compute(), wanted)


def forked(body, limit=20):
    """Run body() in a forked process: its exit status, or 'hangs'."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        body()
        os._exit(99)
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(process, 9)
    os.waitpid(process, 0)
    return "hangs"


def computes():
    os._exit(0 if np.array_equal(compute(), wanted) else 1)


def computes_and_ends_like_a_program():
    sys.exit(0 if np.array_equal(compute(), wanted) else 1)


def threads_compute():
    """In a process without threads, two of its own."""
    results = []
    own = [threading.Thread(target=lambda: results.append(compute())) for _ in range(2)]
    for thread in own:
        thread.start()
    for thread in own:
        thread.join()
    os._exit(0 if all(np.array_equal(result, wanted) for result in results) and len(results) == 2 else 1)


def forks_at_once():
    os._exit(0 if forked(computes) == 0 else 1)


def computes_and_forks():
    compute()
    forks_at_once()


def compiles():
    @jit(parallel=True)
    def doubled(x):
        y = np.empty_like(x)
        for i in prange(len(x)):
            y[i] = 2 * x[i]
        return y

    os._exit(0 if doubled(np.ones(3)).tolist() == [2, 2, 2] else 1)


def fails_in_a_kernel():
    try:
        relu.cpu(None)
    except Exception:
        computes()


def in_another_thread(body):
    results = []
    thread = threading.Thread(target=lambda: results.append(forked(body)))
    thread.start()
    thread.join()
    return results[0]


def in_two_threads_at_once():
    results = []
    forking = [threading.Thread(target=lambda: results.extend(forked(computes) for _ in range(3))) for _ in range(2)]
    for thread in forking:
        thread.start()
    for thread in forking:
        thread.join()
    return max(results, key=str)


def inside_a_kernel():
    """While it is compiled, and while another thread waits for the compiler."""
    me, results, others = threading.current_thread(), [], []

    @jit(parallel=True)
    def plus(x, y):
        z = np.empty_like(x)
        for i in prange(len(x)):
            z[i] = x[i] + y[i]
        return z

    @jit(parallel=True)
    def minus(x, y):
        z = np.empty_like(x)
        for i in prange(len(x)):
            z[i] = x[i] - y[i]
        return z

    def fork(name):
        if threading.current_thread() is me and not others:
            others.append(threading.Thread(target=lambda: results.append(minus(np.ones(3), np.ones(3)).tolist())))
            others[0].start()
            time.sleep(0.1)
            relu(X)  # a kernel inside a kernel
            results.append(forked(computes))

    on_compile(fork)
    results.append(plus(np.ones(3), np.ones(3)).tolist())
    others[0].join()
    return results == [0, [2, 2, 2], [0, 0, 0]]


def main():
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


def run(folder):
    global wanted, busy
    if "starter" in sys.argv:  # the threads of the layer were started by a thread that is gone
        starter = threading.Thread(target=compute)
        starter.start()
        starter.join()
    wanted = compute()
    found = {
        "quiet": forked(computes),
        "quiet, grandchild": forked(forks_at_once),
        "quiet, threads": forked(threads_compute),
    }
    jit_module.cache_folder = lambda: folder  # what is compiled from now on was not compiled by an earlier run
    own = [threading.Thread(target=compute_on, daemon=True) for _ in range(3)]
    for thread in own:
        thread.start()
    found |= {
        "busy": max((forked(computes) for _ in range(10)), key=str),
        "exit": forked(computes_and_ends_like_a_program),
        "threads": forked(threads_compute),
        "fork at once": forked(forks_at_once),
        "fork later": forked(computes_and_forks),
        "compile": forked(compiles),
        "error": forked(fails_in_a_kernel),
        "another thread": in_another_thread(computes),
        "two threads": in_two_threads_at_once(),
        "subprocess": subprocess.run(["true"], preexec_fn=lambda: None, check=False).returncode,
        "inside a kernel": inside_a_kernel(),
    }
    busy = False
    for thread in own:
        thread.join()
    found |= {"quiet again": forked(computes), "exit again": forked(computes_and_ends_like_a_program), "right": right}
    found["layer"] = [load_numba().threading_layer(), threads.layer]
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
