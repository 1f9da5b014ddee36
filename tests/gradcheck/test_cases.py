"""Every case passes, and no operation or kernel is left out."""

import os

import numpy as np
import pytest

from minitorch_cv.gradcheck.case import exactly, positive, spread
from minitorch_cv.gradcheck.cases import CASES, operations, uncovered
from minitorch_cv.gradcheck.table import kernels_called, left_out
from minitorch_cv.ops.differentiable import OPERATIONS
from minitorch_cv.random import default_generator
from minitorch_kernels.kernel import REGISTRY

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def slow_without_jit(case):
    return case.function == "LeNet" and case.implementation is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    if INTERPRETED and slow_without_jit(case):
        pytest.skip("LeNet takes minutes where its kernels run as plain Python")
    report = case.check()
    assert report, str(report)
    assert report.checked + report.kinks > 0


def test_no_operation_is_left_out():
    assert uncovered() == set()


def test_an_operation_without_a_case_is_noticed():
    others = [case for case in CASES if case.function not in ("relu", "relu_", "LeNet")]
    assert uncovered(others) == {"relu"}


def test_only_operations_of_the_package_count(monkeypatch):
    monkeypatch.setitem(OPERATIONS, "made up", lambda: None)
    assert "made up" not in operations()
    assert "relu" in operations()


def test_no_kernel_is_left_out():
    with kernels_called() as kernels:
        for case in CASES:
            if not slow_without_jit(case):
                fn, inputs, _ = case.seeded()
                for y in outputs_of(fn(*inputs)):
                    y.backward(np.ones(y.shape), retain_graph=True)
    assert left_out(kernels) == []
    assert left_out(kernels - {"col2im"}) == ["no case covers the kernels col2im"]
    assert "sgd_step" in REGISTRY


def outputs_of(result):
    return [y for y in (result if isinstance(result, (tuple, list)) else (result,)) if y.requires_grad]


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_inputs_are_the_same_each_time_and_leave_the_default_generator_alone():
    before = default_generator.get_state()
    state = default_generator.manual_seed(123).get_state()
    for case in CASES[-1], CASES[0]:
        first, second = case.seeded().inputs, case.seeded().inputs
        assert all(a.tolist() == b.tolist() and a is not b for a, b in zip(first, second))
    assert default_generator.get_state() == state
    default_generator.set_state(before)


def test_spread_keeps_away_from_zero_and_from_ties(rng):
    x = spread((5, 7))(rng)
    sizes = np.sort(abs(x).ravel())
    assert x.shape == (5, 7)
    assert sizes[0] > 0.1
    assert np.diff(sizes).min() > 0.01
    assert 0 < (x > 0).mean() < 1


def test_builders(rng):
    x = positive((40,), 2, 3)(rng)
    assert 2 < x.min() < x.max() < 3
    assert exactly([1, 2])(rng).tolist() == [1.0, 2.0]
