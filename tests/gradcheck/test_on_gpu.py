"""Every case passes on the GPU that --device chooses: the operations and their CUDA kernels, a few elements each."""

import io
import os

import numpy as np
import pytest
from rich.console import Console

from minitorch_cv.gradcheck import run, table
from minitorch_cv.gradcheck.case import Case, Setup, case, spread
from minitorch_cv.gradcheck.cases import CASES
from minitorch_cv.gradcheck.check import random_cotangent
from minitorch_cv.ops import activation
from minitorch_cv.tensor import Tensor
from minitorch_kernels.arrays import is_on_gpu

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="CUDA kernels need no Numba")


@pytest.mark.parametrize("case", [c for c in CASES if c.implementation is None], ids=lambda case: case.name)
def test_case(case, gpu):
    report = case.check(gpu, sample=1 if case.function == "LeNet" else 3)
    assert report, str(report)
    assert report.checked + report.kinks > 0


def gradients(case, device, dtype):
    """Of all inputs, for a cotangent that is the same in each type."""
    fn, inputs, _ = case.seeded(device)
    for tensor in inputs:
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)
    outputs = fn(*inputs)
    rng = np.random.default_rng(0)
    for y in outputs if isinstance(outputs, tuple) else (outputs,):
        if y.requires_grad:
            y.backward(Tensor(random_cotangent(y.shape, rng).astype(dtype)).to(y.device), retain_graph=True)
    return [tensor.grad.cpu().numpy() for tensor in inputs if tensor.grad is not None]


@pytest.mark.parametrize("case", [c for c in CASES if c.implementation is None], ids=lambda case: case.name)
def test_float32_gives_the_gradients_of_float64(case, gpu):
    """Differences are too coarse for float32; what goes wrong in one type alone shows here."""
    for got, expected in zip(gradients(case, gpu, np.float32), gradients(case, gpu, np.float64), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max(initial=0)))


def test_inputs_and_gradients_are_on_the_device(gpu):
    seen = []

    def noted(x):
        seen.append(x._array)
        return activation.relu(x)

    assert case("relu", "", noted, (2, 3)).check(gpu)
    assert all(is_on_gpu(array) for array in seen)


def test_a_wrong_gradient_on_the_device_is_found(gpu):
    def detached(x):
        return x * x.detach()

    wrong = Case("wrong", "", lambda rng: Setup(detached, [Tensor(spread((3,))(rng), requires_grad=True)]))
    assert not wrong.check(gpu)


def test_the_table_leaves_the_references_out(gpu, monkeypatch):
    console = Console(file=io.StringIO(), width=100)
    assert run("max_pool2d ties", console, device=gpu)
    assert "2 cases: 0 failed" in console.file.getvalue()
    assert not run("reference", console, device=gpu)
    monkeypatch.setattr(table, "CASES", [case("relu", "", activation.relu, (2,))])
    monkeypatch.setattr(table, "left_out", lambda kernels: [])
    assert run(None, console, device=gpu)
