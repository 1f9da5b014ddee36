"""NumPy and DLPack: what is shared, what is copied, what is refused."""

import numpy as np
import pytest

import minitorch_cv as mt


def test_from_numpy_shares_memory():
    array = np.arange(6.0).reshape(2, 3)[:, ::2]
    x = mt.from_numpy(array)
    x += 1
    array[0, 0] = 50
    assert x.tolist() == [[50, 3], [4, 6]]
    assert x.numpy() is array
    with pytest.raises(TypeError, match=r"from_numpy: expected a numpy\.ndarray, got list"):
        mt.from_numpy([1])


def test_numpy_refuses_a_tensor_that_requires_grad():
    x = mt.ones(2, requires_grad=True)
    for read in (x.numpy, (x * 2).numpy, lambda: np.asarray(x), lambda: np.from_dlpack(x)):
        with pytest.raises(RuntimeError, match=r"requires grad, .* use \.detach\(\)\.numpy\(\)"):
            read()
    assert x.detach().numpy().tolist() == [1, 1]


def test_numpy_functions_take_tensors():
    x = mt.tensor([[1.0, 4.0]])
    assert np.asarray(x) is x.numpy()
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.array(x) is not x.numpy()
    assert np.array(x, copy=False) is x.numpy()
    assert not np.shares_memory(np.array(x, copy=True), x.numpy())
    assert np.sqrt(x).tolist() == [[1, 2]]
    assert np.concatenate([x, x]).shape == (2, 2)
    with pytest.raises(ValueError, match="cannot view float32 as float64 without a copy"):
        np.array(x, dtype=np.float64, copy=False)


def test_dlpack_to_numpy_and_back_shares_memory():
    x = mt.arange(6, dtype=mt.float32).reshape(2, 3)
    array = np.from_dlpack(x)
    assert array.tolist() == x.tolist()
    x += 1
    assert array[0, 0] == 1
    y = mt.from_dlpack(x)
    y.zero_()
    assert x.tolist() == [[0] * 3] * 2
    assert x.__dlpack_device__() == (1, 0)


@pytest.mark.parametrize("dtype", [mt.float32, mt.float64, mt.int64, mt.int32, mt.uint8, mt.bool])
def test_dlpack_of_every_dtype_and_of_strided_memory(dtype):
    x = mt.ones(3, 4, dtype=dtype).T[::2]
    y = mt.from_dlpack(x)
    assert (y.dtype, y.shape, y.stride()) == (dtype, (2, 3), x.stride())
    assert mt.equal(x, y)


def test_arrays_on_either_side_become_tensors():
    x, array = mt.ones(2, 2), np.full((2, 2), 3.0)
    for result in (x + array, array + x, array * x, array - x, array > x):
        assert isinstance(result, mt.Tensor)
    assert isinstance(np.float64(2) * x, mt.Tensor)
    assert isinstance(np.int64(2) - x, mt.Tensor)
    assert (np.float32(2) / x).tolist() == [[2, 2]] * 2


class OnGpu:
    """An object of another library whose memory is a GPU's."""

    def __init__(self, array, **protocols):
        self.array = array
        for name, value in protocols.items():
            setattr(self, name, value)


@pytest.mark.parametrize("number", [0, 1])
def test_dlpack_of_a_gpu_goes_through_cupy(strict_cupy, number):
    with strict_cupy.cuda.Device(number):
        held = strict_cupy.array([1.0, 2.0])
    x = mt.from_dlpack(held)
    assert x.data_ptr() == held.data.ptr
    assert (x.device, x.is_cuda, x.__dlpack_device__()) == (f"cuda:{number}", True, (2, number))
    with pytest.raises(TypeError, match=rf"this tensor is on cuda:{number}, where NumPy cannot read it; use \.cpu"):
        x.numpy()
    x += 1
    assert strict_cupy.asnumpy(held).tolist() == x.cpu().tolist() == [2, 3]
    assert mt.from_dlpack(x).data_ptr() == x.data_ptr()


def test_cuda_array_interface_both_ways(strict_cupy):
    held = strict_cupy.arange(6, dtype=mt.float32).reshape(2, 3)[:, ::2]
    x = mt.as_tensor(OnGpu(held, __cuda_array_interface__=held.__cuda_array_interface__))
    assert (x.device, x.dtype, x.tolist()) == ("cuda:0", mt.float32, [[0, 2], [3, 5]])
    assert x.__cuda_array_interface__["shape"] == (2, 2)
    assert x.data_ptr() == held.data.ptr
    assert mt.as_tensor(x) is x
    assert mt.as_tensor(strict_cupy.array([1]), device="cpu").device == "cpu"


def test_only_tensors_on_a_gpu_have_its_interface():
    for x in (mt.ones(1), mt.ones(1, device="cuda-sim")):
        assert not hasattr(x, "__cuda_array_interface__")


def test_memory_of_a_gpu_without_cupy(without_cupy):
    for read in (
        lambda: mt.from_dlpack(OnGpu(None, __dlpack_device__=lambda: (2, 0))),
        lambda: mt.as_tensor(OnGpu(None, __cuda_array_interface__={"version": 3})),
    ):
        with pytest.raises(RuntimeError, match=r"CuPy.* use device='cpu'"):
            read()


def test_the_simulated_gpu_is_not_read_by_numpy():
    x = mt.ones(2, device="cuda-sim")
    for read in (lambda: np.asarray(x), lambda: np.from_dlpack(x), lambda: mt.from_dlpack(x)):
        with pytest.raises(TypeError, match=r"this tensor is on cuda-sim, where NumPy cannot read it; use \.cpu"):
            read()
