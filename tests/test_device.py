"""Devices by name, and what is said where there is no GPU."""

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


@pytest.mark.parametrize("name", ["gpu", "cuda:x", ""])
def test_unknown_names(name):
    with pytest.raises(ValueError, match=f"unknown device '{name}'; choose 'cpu', 'cuda' or 'cuda:0'"):
        mt.device(name)


def test_no_gpu():
    assert not mt.cuda.is_available()
    assert mt.cuda.device_count() == 0
    mt.cuda.synchronize()
    mt.cuda.manual_seed(0)
    mt.cuda.manual_seed_all(0)
    for move in (lambda: mt.ones(1).cuda(), lambda: mt.ones(1).to("cuda:0"), lambda: mt.ones(1, device="cuda")):
        with pytest.raises(RuntimeError, match="this version of minitorch_cv computes on the CPU only; use"):
            move()
