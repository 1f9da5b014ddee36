"""Devices by name, and what is said where there is no GPU."""

import pickle

import numpy as np
import pytest

import minitorch_cv as mt


def test_names_and_equality():
    assert mt.device("cpu") == "cpu"
    assert mt.device("cuda:1") == mt.device("cuda", 1) == "cuda:1"
    assert mt.device("cuda") != mt.device("cuda", 0)
    assert mt.device("cpu") != "cuda"
    assert mt.device("cpu") != 3
    assert {mt.device("cpu"): 1}[mt.device("cpu")] == 1
    assert mt.device(mt.device("cuda:0")) == "cuda:0"
    assert (str(mt.device("cuda", 0)), repr(mt.device("cuda", 0))) == ("cuda:0", "device(type='cuda', index=0)")
    assert repr(mt.device("cpu")) == "device(type='cpu')"


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "", "cuda-sim:a"])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=f"unknown device '{name}'; choose 'cpu', 'cuda', 'cuda:0' or 'cuda-sim'"):
        mt.device(name)


def test_without_cupy_the_error_says_what_to_install(without_cupy):
    assert not mt.cuda.is_available()
    assert mt.cuda.device_count() == mt.cuda.memory_allocated() == 0
    mt.cuda.synchronize()
    mt.cuda.manual_seed(0)
    mt.cuda.manual_seed_all(0)
    for move in (
        lambda: mt.ones(1).cuda(),
        lambda: mt.ones(1).to("cuda:0"),
        lambda: mt.ones(1, device="cuda"),
        lambda: mt.nn.Linear(2, 2).cuda(),
    ):
        with pytest.raises(
            RuntimeError, match=r"CuPy, .* is not installed: pip install 'minitorch-cv\[cuda12\]'.*cuda-sim"
        ):
            move()


def test_there_and_back(gpu):
    x = mt.tensor([[1.0, -2.0], [3.0, 4.0]])
    there = x.to(gpu)
    assert (x.device, there.device.type) == ("cpu", mt.device(gpu).type)
    assert there.to(gpu) is there
    assert x.cpu() is x
    assert there.is_cuda == (gpu != "cuda-sim")  # that is for real ones
    back = (there * 2 + 1).relu().cpu()
    np.testing.assert_array_equal(back.numpy(), [[3, 0], [7, 9]])
    assert there.to("cpu", mt.float64).dtype == mt.float64
    assert mt.zeros(2, device=gpu).device == mt.zeros_like(there).device == there.device
    assert repr(there[0]) == f"tensor([ 1., -2.], shape=(2,), device='{there.device}')"
    assert there.sum().item() == 6
    assert there.tolist() == x.tolist()
    assert pickle.loads(pickle.dumps(there)).device == there.device


def test_a_gradient_finds_its_way_home(gpu):
    x = mt.tensor([1.0, -2.0], requires_grad=True)
    (x.to(gpu) ** 2).sum().cpu().backward()
    assert x.grad.device == "cpu"
    np.testing.assert_array_equal(x.grad.numpy(), [2, -4])


def test_devices_are_not_mixed(gpu):
    here, there = mt.ones(2, 2), mt.ones(2, 2, device=gpu)
    for mix in (lambda: here + there, lambda: there * here, lambda: here @ there):
        with pytest.raises((TypeError, ValueError), match=r"on the CPU.*; move .*\.to\(device\)"):
            mix()
    with pytest.raises(TypeError, match=r"this tensor is on cuda\S*, where NumPy cannot read it; use \.cpu\(\)\.numpy"):
        there.numpy()


def test_modules_move_and_keep_their_parameters(gpu):
    net = mt.nn.Sequential(mt.nn.Conv2d(1, 2, 3), mt.nn.BatchNorm2d(2), mt.nn.Flatten(), mt.nn.LazyLinear(3))
    weight = net[0].weight
    assert net.to(gpu) is net
    assert net[0].weight is weight
    held = [tensor for tensor in (*net.parameters(), *net.buffers()) if not mt.nn.parameter.is_lazy(tensor)]
    place = mt.ones(1, device=gpu).device
    assert {tensor.device for tensor in held} == {place}
    assert net.double()[0].weight.device == place
    net.cpu()
    assert weight.device == net[1].running_mean.device == net[1].num_batches_tracked.device == "cpu"


def test_a_lazy_layer_is_born_where_it_was_sent(gpu):
    layer = mt.nn.LazyLinear(3).to(gpu)
    assert layer(mt.ones(2, 5, device=gpu)).device == layer.weight.device != "cpu"
