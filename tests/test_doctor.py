import json
import os
import subprocess
import sys

import pytest

from minitorch_cv import doctor
from minitorch_cv.data import sources
from minitorch_cv.data.published import FASHION_MNIST
from minitorch_kernels import threads
from minitorch_kernels.cupy_here import why_no_gpu


def fake_program(folder, monkeypatch, output, status=0):
    """Put a program nvidia-smi that prints `output` at the front of the path."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{output}'\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_versions_tell_what_is_installed_and_what_is_not(monkeypatch):
    import numpy

    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    found = doctor.versions()
    assert found["numpy"] == numpy.__version__
    assert found["no-such-library"] == "not installed"


def test_the_processor_is_described():
    found = doctor.processor()
    assert found["model"]
    assert 1 <= found["cores"] <= os.cpu_count()
    assert found["threads"] >= 1
    assert found["vector_bits"] in (0, 128, 256, 512)
    expected = ("none",) if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" else ("tbb", "omp", "workqueue")
    assert found["threading_layer"].startswith(expected)


COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


@pytest.mark.skipif(not COMPILED, reason="there is no threading layer (NUMBA_DISABLE_JIT)")
@pytest.mark.parametrize(
    ("layer", "meaning"),
    [
        ("tbb", "tbb (kernels of several threads run at once)"),
        ("omp", "omp (kernels of several threads run at once)"),
        ("workqueue", "workqueue (one kernel at a time, others wait; tbb or omp would run them at once)"),
        (None, "none (NUMBA_DISABLE_JIT is set: kernels run as plain Python)"),
    ],
)
def test_the_threading_layer_is_explained(monkeypatch, layer, meaning):
    monkeypatch.setattr(threads, "layer", layer)
    assert doctor.threading_layer() == meaning


@pytest.mark.skipif(not COMPILED, reason="there is no threading layer (NUMBA_DISABLE_JIT)")
@pytest.mark.parametrize("layer", ["workqueue", "no-such-layer"])
def test_the_threading_layer_of_a_new_process(layer):
    """One that Numba does not know is a line of the table, and no traceback."""
    command = [sys.executable, "-m", "minitorch_cv", "doctor", "--json"]
    done = subprocess.run(command, env={**os.environ, "NUMBA_THREADING_LAYER": layer}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["processor"]["threading_layer"]
    expected = {"workqueue": "workqueue (one kernel", "no-such-layer": "none: The threading layer requested"}
    assert found.startswith(expected[layer])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps folders of users closed by itself")
@pytest.mark.parametrize(("mode", "said"), [(0o700, ""), (0o755, ""), (0o777, "777"), (0o775, "775"), (0o1777, "1777")])
def test_a_kernel_cache_that_others_may_write_to(tmp_path, monkeypatch, mode, said):
    folder = tmp_path / "kernels-2"
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setattr(doctor.jit, "cache_folder", lambda: folder)
    why = f"passed over, because other users may write to it: its mode is {said}"
    advice = "set NUMBA_CACHE_DIR to a folder of your own"
    assert doctor.kernel_cache() == f"{folder}: 0.0 MB" + (f"; {why}; {advice}" if said else "")


@pytest.mark.parametrize(
    ("features", "bits"),
    [
        ({"sse2": True, "avx": True, "avx512f": True}, 512),
        ({"sse2": True, "avx": True, "avx512f": False}, 256),
        ({"sse2": True}, 128),
        ({"neon": True}, 128),
        ({}, 0),
    ],
)
def test_vector_width_is_that_of_the_widest_feature(monkeypatch, features, bits):
    from llvmlite import binding

    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: features)
    assert doctor.vector_bits() == bits


def test_gpus_and_driver(tmp_path, monkeypatch):
    fake_program(tmp_path, monkeypatch, "NVIDIA H100, 550.54\\nNVIDIA H200, 550.54\\n")
    assert doctor.nvidia_driver() == "NVIDIA H100, 550.54; NVIDIA H200, 550.54"


def test_a_driver_that_does_not_answer(tmp_path, monkeypatch):
    fake_program(tmp_path, monkeypatch, "NVIDIA-SMI has failed", status=9)
    assert doctor.nvidia_driver() == "nvidia-smi is there but reports no GPU"


def test_no_driver(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.nvidia_driver() == "none found (no nvidia-smi on the path)"


def test_kernel_cache_counts_this_and_older_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.jit, "cache_folder", lambda: tmp_path / "kernels-2")
    assert doctor.kernel_cache() == f"{tmp_path / 'kernels-2'}: not there yet"
    for name, size in (("kernels-1", 400_000), ("kernels-2", 1_200_000)):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "code").write_bytes(bytes(size))
    assert doctor.kernel_cache() == (
        f"{tmp_path / 'kernels-2'}: 1.2 MB; beside it 1 of older sources, 0.4 MB, which may be deleted"
    )


def test_data_places_in_the_order_of_looking(tmp_path, monkeypatch):
    system, cache = tmp_path / "system" / "fashion-mnist", tmp_path / "cache" / "fashion-mnist"
    system.mkdir(parents=True)
    for name in FASHION_MNIST.contents:
        (system / f"{name}.gz").write_bytes(b"")
    monkeypatch.delenv(sources.VARIABLE, raising=False)
    monkeypatch.setattr(sources, "SYSTEM_FOLDERS", (system.parent,))
    monkeypatch.setattr(sources, "cache_folder", lambda: cache.parent)
    assert doctor.data_places() == {
        "$MINITORCH_CV_DATA": "not set",
        "system copy": f"{system}: found",
        "user's cache": f"{cache}: nothing there",
        "built-in subset": "6,000 training and 1,000 test images, always there",
    }
    monkeypatch.setenv(sources.VARIABLE, str(cache))
    assert doctor.data_places()["$MINITORCH_CV_DATA"] == f"{cache}: nothing there"


def test_what_cuda_kernels_need(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    found = doctor.facts()["cuda"]
    assert found["cuda-sim"] == "needs no-such-compiler, which is not there; install g++, or set CXX"
    assert found["gpu"] == (why_no_gpu() or "ready")
