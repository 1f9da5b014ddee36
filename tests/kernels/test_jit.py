"""Compiling late, from any caller, with a cache that notices edits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from minitorch_kernels import code_folder
from minitorch_kernels import jit as jit_module
from minitorch_kernels.jit import cache_folder, jit, on_compile, prange

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


@jit
def square(x):
    return x * x


@jit
def sum_of_squares(x):
    total = 0.0
    for i in range(len(x)):
        total += square(x[i])
    return total


@jit(parallel=True)
def doubled(x):
    y = np.empty_like(x)
    for i in prange(len(x)):
        y[i] = 2 * x[i]
    return y


@jit
def quotient(a, b):
    return a / b


def test_importing_every_kernel_leaves_numba_out():
    code = """
import sys, minitorch_kernels
assert len(minitorch_kernels.REGISTRY) > 20, minitorch_kernels.REGISTRY
heavy = {"numba", "llvmlite", "cupy", "torch"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_call_from_python():
    assert square(3.0) == 9.0
    assert square.__name__ == "square"


def test_call_from_compiled_code():
    assert sum_of_squares(np.array([1.0, 2.0, 3.0])) == 14.0


def test_prange():
    np.testing.assert_array_equal(doubled(np.arange(5.0)), [0, 2, 4, 6, 8])


@pytest.mark.skipif(not COMPILED, reason="plain Python raises (NUMBA_DISABLE_JIT)")
def test_division_by_zero_gives_infinity():
    assert quotient(1.0, 0.0) == np.inf
    assert np.isnan(quotient(0.0, 0.0))


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled (NUMBA_DISABLE_JIT)")
def test_the_threading_layer_bears_concurrent_callers():
    """Threads of a data loader may call kernels; on Numba's workqueue layer they would wait for each other."""
    numba = pytest.importorskip("numba")
    if jit_module.tbb_library() is None:
        pytest.skip("the tbb package is not installed")
    doubled(np.arange(5.0))
    assert numba.threading_layer() == "tbb"


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    """A folder for compiled code with nothing in it."""
    monkeypatch.setattr(jit_module, "cache_folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled (NUMBA_DISABLE_JIT)")
def test_on_compile_names_what_is_compiled(empty_cache, monkeypatch):
    monkeypatch.setattr(jit_module, "_callback", None)
    seen = []
    on_compile(seen.append)

    @jit
    def never_seen_before(x):
        return x + 1

    assert never_seen_before(1) == 2
    assert never_seen_before(2) == 3
    assert seen == ["never_seen_before"]


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled (NUMBA_DISABLE_JIT)")
def test_one_line_explains_the_wait(empty_cache, monkeypatch, capsys):
    monkeypatch.setattr(jit_module, "_callback", None)
    jit_module.explain_the_wait.cache_clear()

    @jit
    def never_seen_before(x):
        return x + 1

    assert never_seen_before(1) == 2
    assert never_seen_before(1.0) == 2.0
    assert capsys.readouterr().err.count("compiling kernels") == 1


@pytest.fixture
def sources(monkeypatch, tmp_path):
    """A copy of the kernel sources that a test may edit, in place of the installed ones."""
    copy = tmp_path / "minitorch_kernels"
    shutil.copytree(Path(jit_module.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_folder, "__file__", str(copy / "code_folder.py"))
    return copy


@pytest.mark.parametrize("chosen", [False, True])
def test_cache_folder_follows_the_sources(sources, monkeypatch, tmp_path, chosen):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    if chosen:
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    folder = cache_folder.__wrapped__
    before = folder()
    assert folder() == before
    assert (before.parent == tmp_path / "chosen") == chosen
    with (sources / "memory.py").open("a") as file:
        file.write("\n")
    edited = folder()
    assert edited != before
    (sources / "new.py").touch()
    assert folder() not in (before, edited)
