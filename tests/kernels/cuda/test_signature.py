"""A launch refuses arguments that the kernel would read as something else."""

import numpy as np
import pytest

from minitorch_kernels.arrays import on_cpu, on_gpu
from minitorch_kernels.cuda.launch import launch

from .test_simulator import PROBE


def there(dtype, count=4):
    return on_gpu(np.ones(count, dtype), "cuda-sim")


def test_arrays_of_two_float_types_are_refused():
    with pytest.raises(TypeError, match=r"double_each: an array of shape \(4,\) is float64, not float32; convert it"):
        launch(PROBE, "double_each", (1,), (4,), there(np.float32), there(np.float64), 4)


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
def test_real_is_float32_or_float64(dtype):
    with pytest.raises(TypeError, match=rf"is {np.dtype(dtype)}, not float32 or float64"):
        launch(PROBE, "double_each", (1,), (4,), there(dtype), there(dtype), 4)


def test_integers_of_another_size_are_refused():
    with pytest.raises(TypeError, match=r"lanes: an array of shape \(32,\) is int64, not int32"):
        launch(PROBE, "lanes", (1,), (32,), there(np.float32, 32), there(np.float32, 32), there(np.int64, 32))


def test_an_argument_too_few():
    with pytest.raises(TypeError, match="double_each takes 3 arguments, got 2"):
        launch(PROBE, "double_each", (1,), (4,), there(np.float32), there(np.float32))


def test_numbers_arrive_as_the_kernel_declares_them():
    y = there(np.float32)
    launch(PROBE, "double_each", (1,), (4,), there(np.float32), y, np.int32(3))
    np.testing.assert_array_equal(on_cpu(y), [2, 2, 2, 1])
