"""Every kernel against its reference, on the cases of every `cases_*.py` beside this file.

A cases module has `CASES: {kernel name: [case, ...]}` where `case(rng, dtype)` returns the kernel's arguments. It may
also have `LARGE`, the same for arrays big enough to be split over threads (compiled code only), and
`IN_PLACE: {kernel name: (argument positions,)}` for the arguments that the kernel writes to.
"""

import importlib
import os
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import minitorch_kernels
from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import array_module

for module in pkgutil.walk_packages(minitorch_kernels.__path__, "minitorch_kernels."):
    importlib.import_module(module.name)
MODULES = [importlib.import_module(f"{__package__}.{p.stem}") for p in sorted(Path(__file__).parent.glob("cases_*.py"))]

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def collect(attribute):
    return {name: value for module in MODULES for name, value in getattr(module, attribute, {}).items()}


CASES, LARGE, IN_PLACE = collect("CASES"), collect("LARGE"), collect("IN_PLACE")
ON_CPU = {name: cases for name, cases in CASES.items() if REGISTRY[name].cpu is not None}  # others run their reference


def parameters(*tables):
    """One pytest parameter for each kernel, case and dtype."""
    return pytest.mark.parametrize(
        ("name", "case", "dtype"),
        [
            pytest.param(name, case, dtype, id=f"{name}-{i}-{dtype.__name__}")
            for table in tables
            for name, cases in table.items()
            for i, case in enumerate(cases)
            for dtype in (np.float32, np.float64)
        ],
    )


def test_every_kernel_has_cases():
    assert set(CASES) == set(REGISTRY)


@parameters(ON_CPU)
def test_cpu_matches_reference(name, case, dtype):
    compare(run(name, "cpu", arguments(case, dtype)), run(name, "reference", arguments(case, dtype)))


@pytest.mark.skipif(not COMPILED, reason="large arrays take too long in pure Python (NUMBA_DISABLE_JIT)")
@parameters(LARGE)
def test_cpu_matches_reference_on_large_arrays(name, case, dtype):
    compare(run(name, "cpu", arguments(case, dtype)), run(name, "reference", arguments(case, dtype)))


def reversed_storage(a):
    """The last axis is the slowest in memory."""
    return a.copy(order="F")


def negative_strides(a):
    flip = (..., *(slice(None, None, -1),) * a.ndim)  # with the dots, a 0-d array stays one
    return a[flip].copy()[flip]


def batch_last(a):
    return np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0) if a.ndim else a


def with_gaps(a):
    """Every second element of an array twice as long along each axis; what lies between must not be read."""
    roomy = array_module(a).full([2 * size for size in a.shape], np.nan if a.dtype.kind == "f" else 1, a.dtype)
    spaced = roomy[(..., *(slice(None, None, 2),) * a.ndim)]
    spaced[...] = a
    return spaced


@pytest.mark.parametrize("storage", [reversed_storage, negative_strides, batch_last, with_gaps])
@parameters(ON_CPU)
def test_any_strides(name, case, dtype, storage):
    args = [storage(a) if isinstance(a, np.ndarray) else a for a in arguments(case, dtype)]
    compare(run(name, "cpu", args), run(name, "reference", arguments(case, dtype)))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@parameters(ON_CPU)
def test_special_values_reach_the_same_outputs(name, case, dtype, special):
    """One NaN or infinity in one input: it goes where the reference lets it go, and nowhere else."""
    float_arrays = [i for i, a in enumerate(arguments(case, dtype)) if is_float_array(a) and a.size]
    for position in float_arrays:
        outputs = {}
        for implementation in ("cpu", "reference"):
            args = arguments(case, dtype)
            args[position].flat[args[position].size // 2] = special
            with np.errstate(all="ignore"):
                outputs[implementation] = run(name, implementation, args)
        compare(outputs["cpu"], outputs["reference"])


@pytest.mark.skipif(not COMPILED, reason="pure Python has one thread (NUMBA_DISABLE_JIT)")
@parameters(ON_CPU, LARGE)
def test_one_thread_equals_two(name, case, dtype):
    numba = pytest.importorskip("numba")
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("only one core")
    outputs = {}
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            outputs[threads] = run(name, "cpu", arguments(case, dtype))
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    for one, two in zip(outputs[1], outputs[2], strict=True):
        assert one.tobytes() == two.tobytes()


def arguments(case, dtype):
    """The same fresh arguments at each call; NumPy draws 0-d arrays as scalars, which become arrays again."""
    return [np.asarray(a) if isinstance(a, np.generic) else a for a in case(np.random.default_rng(0), dtype)]


def run(name, implementation, args):
    """Call one implementation, check that it left its inputs alone -> its outputs and what it wrote in place."""
    in_place = IN_PLACE.get(name, ())
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    returned = getattr(REGISTRY[name], implementation)(*args)
    for i, (now, then) in enumerate(zip(args, before)):
        if isinstance(now, np.ndarray) and i not in in_place:
            assert np.array_equal(now, then, equal_nan=now.dtype.kind == "f"), f"{implementation} changed argument {i}"
    outputs = returned if isinstance(returned, tuple) else (returned,)
    return [np.asarray(a) for a in (*outputs, *(args[i] for i in in_place)) if a is not None]


def compare(actual, expected):
    """Equal shapes, dtypes, NaNs, infinities and integers; floats to rounding error of the largest element."""
    assert len(actual) == len(expected)
    for got, want in zip(actual, expected):
        assert got.shape == want.shape
        assert got.dtype == want.dtype
        if not is_float_array(want):
            np.testing.assert_array_equal(got, want)
            continue
        finite = want[np.isfinite(want)]
        tolerance = {4: 1e-5, 8: 1e-11}[want.dtype.itemsize] * np.abs(finite).max(initial=0)
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance, equal_nan=True)


def is_float_array(a):
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"
