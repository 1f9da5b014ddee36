"""Which implementation a kernel runs."""

import numpy as np
import pytest

from minitorch_kernels import Kernel, array_module, is_cupy, kernel, use


@pytest.fixture
def scale(empty_registry):
    """A kernel whose implementations return their own names."""
    return Kernel("scale", lambda *args: "reference", lambda *args: "cpu", lambda *args: "cuda")


@pytest.fixture(params=[0, 1])
def gpu_array(strict_cupy, request):
    """An array of the stand-in for CuPy, on its current GPU and on another."""
    with strict_cupy.cuda.Device(request.param):
        return strict_cupy.zeros(2, np.float32)


FLOAT = np.zeros(2, np.float32)


def test_reference_is_required(empty_registry):
    with pytest.raises(TypeError, match="Kernel 'scale' needs a reference implementation, got None"):
        Kernel("scale", None, lambda x: x)
    assert not kernel.REGISTRY


def test_name_is_taken_once(scale):
    with pytest.raises(ValueError, match="a kernel named 'scale' is registered already"):
        Kernel("scale", lambda x: x)
    assert kernel.REGISTRY["scale"] is scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_and_float64_run_compiled(scale, dtype):
    assert scale(np.zeros(2, dtype), np.zeros(2, np.int64), np.ones(2, bool), None, 1.0) == "cpu"


@pytest.mark.parametrize("dtype", [np.float16, np.int64, bool, np.complex64, ">f4"])
def test_other_dtypes_run_the_reference(scale, dtype):
    assert scale(np.zeros(2, dtype)) == "reference"
    assert scale(FLOAT, np.zeros(2, dtype)) == ("cpu" if np.dtype(dtype).kind in "ib" else "reference")


def test_two_float_types_run_the_reference(scale):
    assert scale(FLOAT, np.zeros(2, np.float64)) == "reference"


def test_a_first_array_of_integers_runs_the_reference(scale):
    assert scale(np.zeros(2, np.int64), FLOAT) == "reference"


def test_no_array_runs_the_reference(scale):
    assert scale(1.0) == "reference"


def test_reference_alone_serves_every_array(empty_registry):
    assert Kernel("plain", lambda x: "reference")(FLOAT) == "reference"


def test_use_forces_an_implementation_inside_the_block(scale):
    with use("reference"):
        assert scale(FLOAT) == "reference"
        with use("cpu"):
            assert scale(FLOAT) == "cpu"
        assert scale(FLOAT) == "reference"
    assert scale(FLOAT) == "cpu"


def test_use_ends_with_an_error_too(scale):
    with pytest.raises(KeyError), use("reference"):
        raise KeyError
    assert scale(FLOAT) == "cpu"


def test_use_falls_back_to_the_reference(empty_registry):
    with use("cpu"):
        assert Kernel("plain", lambda x: "reference")(FLOAT) == "reference"


def test_use_names_the_choices():
    with pytest.raises(ValueError, match=r"use\('gpu'\): choose one of 'reference', 'cpu', 'cuda'"), use("gpu"):
        pass


def test_gpu_arrays_run_on_the_gpu(scale, gpu_array, strict_cupy):
    assert is_cupy(gpu_array)
    assert scale(gpu_array, None, 2) == "cuda"
    assert array_module(gpu_array) is strict_cupy


def test_gpu_arrays_run_on_their_own_gpu(empty_registry, gpu_array, strict_cupy):
    current = Kernel("current", lambda x: None, cuda=lambda x: strict_cupy.cuda.Device().id)
    assert current(gpu_array) == gpu_array.device.id
    assert strict_cupy.cuda.Device().id == 0


def test_mixed_devices_are_refused(scale, gpu_array):
    with pytest.raises(ValueError, match="scale: some arrays are on the CPU and some on the GPU; move them"):
        scale(FLOAT, gpu_array)


def test_gpu_array_needs_a_cuda_implementation(empty_registry, gpu_array):
    with pytest.raises(ValueError, match="plain has no CUDA implementation; move its arrays to the CPU"):
        Kernel("plain", lambda x: x)(gpu_array)


def test_numpy_array_belongs_to_numpy():
    assert array_module(FLOAT) is np
    assert not is_cupy(FLOAT)


def test_repr_lists_the_implementations(empty_registry):
    assert repr(Kernel("plain", lambda x: x, lambda x: x)) == "Kernel('plain': reference, cpu)"
