"""Fixtures for every test, and the options that say which GPU the tests of devices use and how many tests are drawn."""

import datetime
import os
import random
import shutil
import sys

import numpy as np
import pytest

from minitorch_cv import cuda
from minitorch_cv import random as mt_random
from minitorch_kernels import memory
from minitorch_kernels.sim_arrays import SimArray

from . import gpu as chosen
from .strict_cupy import installing, simulated

GPU_FIXTURES = {"gpu", "strict_cupy"}


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        choices=["cuda-sim", "cuda", "cuda:1"],
        default="cuda-sim",
        help="the GPU that the tests of devices and of CUDA kernels run on (default: cuda-sim, the simulated one)",
    )
    parser.addoption(
        "--strict-cupy",
        action="store_true",
        help="with --device cuda: run the tests that use a GPU, on a stand-in that refuses what CuPy refuses",
    )
    parser.addoption(
        "--sample", type=float, default=1.0, metavar="SHARE", help="run this share of the tests, drawn by --sample-seed"
    )
    parser.addoption(
        "--sample-seed",
        default=str(datetime.datetime.now(datetime.UTC).date()),
        metavar="TEXT",
        help="what --sample draws by (default: today's date, so that each day draws others)",
    )


def pytest_configure(config):
    chosen.name = config.getoption("--device")
    simulated.bind()
    if config.getoption("--strict-cupy"):
        if chosen.name == "cuda-sim":
            raise pytest.UsageError("--strict-cupy stands in for the GPU of --device cuda; give that too")
        installing.install()


def pytest_report_header(config):
    share, seed = config.getoption("--sample"), config.getoption("--sample-seed")
    return f"a sample of {share:g} of the tests, drawn by {seed}" if share < 1 else None


def pytest_collection_modifyitems(config, items):
    """Keep the sample; a test is in it or not by its own name, whatever else is collected, in every worker alike."""
    share, seed = config.getoption("--sample"), config.getoption("--sample-seed")
    drawn = [random.Random(f"{seed} {item.nodeid}").random() < share for item in items]
    if config.getoption("--strict-cupy"):  # others do not know of it
        drawn = [kept and not GPU_FIXTURES.isdisjoint(item.fixturenames) for kept, item in zip(drawn, items)]
    config.hook.pytest_deselected(items=[item for item, kept in zip(items, drawn) if not kept])
    items[:] = [item for item, kept in zip(items, drawn) if kept]


@pytest.fixture
def gpu(pytestconfig):
    """The name of the GPU that --device chose; skips the test where nothing can build the simulated one."""
    name = chosen.name
    if (name == "cuda-sim" or pytestconfig.getoption("--strict-cupy")) and shutil.which(
        os.environ.get("CXX", "g++")
    ) is None:
        pytest.skip("there is no C++ compiler: install g++")
    if name != "cuda-sim" and not cuda.is_available():
        pytest.fail("--device cuda: there is no GPU that can be used; see minitorch-cv doctor")
    return name


@pytest.fixture
def without_cupy(monkeypatch):
    """CuPy is not installed, whatever this machine has."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(mt_random, "gpu_generators", {})


@pytest.fixture
def strict_cupy(monkeypatch, pytestconfig):
    """The stand-in for CuPy, with two GPUs, whatever this machine has; no test mixes it with the real one."""
    if chosen.name != "cuda-sim" and not pytestconfig.getoption("--strict-cupy"):
        pytest.skip("CuPy itself is in use")
    return installing.installed(monkeypatch)


@pytest.fixture(autouse=True)
def poisoned_buffers(monkeypatch):
    """Fill every uninitialised kernel buffer with NaN, so that an element nobody wrote shows up."""
    monkeypatch.setattr(memory, "poison", True)


@pytest.fixture(autouse=True)
def no_implicit_copies(monkeypatch):
    """NumPy refuses arrays of the simulated GPU, as it does those of CuPy, where it would read them without a word."""

    def refusing(convert):
        def checked(value, *args, **options):
            if holds_sim_array(value):
                raise TypeError("implicit conversion of an array on cuda-sim to a NumPy array; use .cpu() or on_cpu()")
            return convert(value, *args, **options)

        return checked

    for name in ("asarray", "array", "ascontiguousarray"):
        monkeypatch.setattr(np, name, refusing(getattr(np, name)))


def holds_sim_array(value):
    return isinstance(value, SimArray) or (isinstance(value, (tuple, list)) and any(map(holds_sim_array, value)))


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Start each test from the same state of Python's and NumPy's global generators, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - user code may draw from the global generator


@pytest.fixture
def rng():
    """A generator of its own for one test."""
    return np.random.default_rng(0)
