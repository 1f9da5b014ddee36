"""Batches prepared in a thread: the same ones, in order, no more than asked for, and the thread ends."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import numpy as np
import pytest

from minitorch_cv import nn
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.data.prefetch import prefetched
from minitorch_cv.tensor import Tensor
from minitorch_kernels import use
from minitorch_kernels.kernel import Kernel

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"


def helpers():
    """The threads that prepare something."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("minitorch-cv-prefetch")]


def ended():
    """True once no thread prepares anything, which may take the task at hand."""
    deadline = time.monotonic() + 10
    while helpers() and time.monotonic() < deadline:
        time.sleep(0.005)
    return not helpers()


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    gc.collect()
    assert ended()


def square(number):
    return number * number


def tasks(count):
    return ((number,) for number in range(count))


@pytest.mark.parametrize("ahead", [1, 2, 100])
def test_the_results_come_in_order(ahead):
    assert list(prefetched(square, tasks(10), ahead)) == [number * number for number in range(10)]
    assert list(prefetched(square, tasks(0), ahead)) == []


def test_one_other_thread_works():
    names = set(prefetched(lambda _: threading.current_thread(), tasks(20), 3))
    assert len(names) == 1
    assert threading.current_thread() not in names


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_is_prepared_than_was_asked_for(ahead):
    begun = []
    results = prefetched(begun.append, tasks(20), ahead)
    assert begun == []
    for taken in range(1, 6):
        next(results)
        deadline = time.monotonic() + 10
        while len(begun) < taken + ahead and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert begun == list(range(taken + ahead))


def test_the_work_goes_on_while_the_caller_is_busy():
    second = threading.Event()
    results = prefetched(lambda number: second.set() if number == 1 else None, tasks(3), 1)
    next(results)
    assert second.wait(10)


def test_an_error_comes_in_its_turn_with_its_traceback():
    def fails_at_two(number):
        if number == 2:
            raise OSError("broken image")
        return number

    results = prefetched(fails_at_two, tasks(9), 5)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(OSError, match="broken image") as caught:
        next(results)
    assert "in fails_at_two" in "".join(traceback.format_exception(caught.value))
    assert ended()
    assert list(results) == []


def test_an_error_of_the_tasks_themselves_is_raised():
    def tasks_that_fail():
        yield (1,)
        raise KeyError("sampler")

    with pytest.raises(KeyError, match="sampler"):
        list(prefetched(square, tasks_that_fail(), 2))


def test_a_loop_broken_off_ends_the_thread():
    begun = []
    for result in prefetched(lambda number: begun.append(number) or number, tasks(1000), 2):
        if result == 3:
            break
    assert ended()
    assert len(begun) <= 6


def test_breaking_off_waits_for_nothing_and_begins_nothing():
    begun, second, go_on = [], threading.Event(), threading.Event()

    def work(number):
        begun.append(number)
        if number == 1:
            second.set()
            go_on.wait(20)

    results = prefetched(work, tasks(9), 3)
    next(results)
    assert second.wait(10)
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 10
    go_on.set()
    assert ended()
    assert begun == [0, 1]


def test_an_iterator_let_go_ends_the_thread():
    results = prefetched(square, tasks(1000), 2)
    next(results)
    assert helpers()
    del results
    assert ended()


def test_kernels_forced_by_use_are_forced_in_the_thread(monkeypatch):
    monkeypatch.setattr("minitorch_kernels.kernel.REGISTRY", {})  # a kernel made up by a test leaves no trace
    kernel = Kernel("which", lambda x: "reference", lambda x: "cpu")
    x = np.zeros(1)
    assert list(prefetched(lambda _: kernel(x), tasks(2), 1)) == ["cpu"] * 2
    with use("reference"):
        assert list(prefetched(lambda _: kernel(x), tasks(2), 1)) == ["reference"] * 2


NUMBERS = TensorDataset(np.arange(40, dtype=np.float32).reshape(20, 2), np.arange(20))


@pytest.mark.parametrize("factor", [None, 1, 5])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_loader_gives_the_same_batches(workers, factor):
    plain = DataLoader(NUMBERS, 3, shuffle=True, generator=np.random.default_rng(1))
    ahead = DataLoader(
        NUMBERS, 3, True, num_workers=workers, prefetch_factor=factor, generator=np.random.default_rng(1)
    )
    for _ in range(2):
        for (x, y), (x_ahead, y_ahead) in zip(plain, ahead, strict=True):
            np.testing.assert_array_equal(x.numpy(), x_ahead.numpy())
            np.testing.assert_array_equal(y.numpy(), y_ahead.numpy())


def test_prefetch_factor_bounds_what_a_loader_prepares():
    asked = []

    class Counting(TensorDataset):
        def fetch_batch(self, indices, generator=None):
            asked.append(len(asked))
            return super().fetch_batch(indices)

    for factor, most in [(None, 3), (4, 5)]:
        asked.clear()
        batches = iter(DataLoader(Counting(*NUMBERS.tensors), 1, num_workers=1, prefetch_factor=factor))
        next(batches)
        deadline = time.monotonic() + 10
        while len(asked) < most and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)
        assert len(asked) == most
        del batches


@pytest.mark.skipif(INTERPRETED, reason="it is compiled kernels that share the cores")
def test_kernels_run_in_both_threads_at_once():
    class Convolved(TensorDataset):
        def fetch_batch(self, indices, generator=None):
            (x,) = super().fetch_batch(indices)
            return layer(x).detach()

    layer = nn.Conv2d(3, 8, 3)
    images = np.random.default_rng(0).random((64, 3, 20, 20), np.float32)
    expected = [layer(Tensor(images[start : start + 8])).detach().numpy() for start in range(0, 64, 8)]
    for _ in range(5):
        for wanted, prepared in zip(expected, DataLoader(Convolved(images), 8, num_workers=1), strict=True):
            np.testing.assert_array_equal(prepared.numpy(), wanted)
            np.testing.assert_array_equal(layer(Tensor(images[:8])).detach().numpy(), expected[0])


SLOW = """
import sys, time
import numpy as np
from minitorch_cv.data import DataLoader

class Slow:
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        time.sleep(0.01)
        return index

batches = iter(DataLoader(Slow(), 4, num_workers=1))
print(next(batches).numpy().tolist(), flush=True)
"""


def test_the_interpreter_ends_while_batches_are_prepared():
    done = subprocess.run([sys.executable, "-c", SLOW], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0, 1, 2, 3]\n", "")


WAITING = """
import signal, threading
from minitorch_cv.data import DataLoader

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has its children ignore it

class Stuck:
    def __len__(self):
        return 8

    def __getitem__(self, index):
        go_on.wait(60)
        return index

go_on = threading.Event()
batches = iter(DataLoader(Stuck(), 4, num_workers=1))
try:
    print("waiting", flush=True)
    next(batches)
except KeyboardInterrupt:
    print("interrupted", flush=True)
go_on.set()
"""


def test_ctrl_c_reaches_a_caller_who_waits():
    process = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out == "interrupted\n"
    assert process.returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_loop_that_a_fork_cut_in_two():
    """The forked process has no thread that prepares the rest: it says so, and a loop begun anew works."""
    program = """
import os
import numpy as np
from minitorch_cv.data import DataLoader, TensorDataset
from minitorch_cv.tensor import Tensor

loader = DataLoader(TensorDataset(Tensor(np.arange(12.0))), batch_size=2, num_workers=1)
batches = iter(loader)
next(batches)
if child := os.fork():
    assert len(list(batches)) == 5
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
else:
    try:
        list(batches)
    except RuntimeError as error:
        assert "begin the loop in the new process" in str(error), error
        assert len(list(loader)) == 6
        os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
