"""Names, the default, and the promotion table (torch's rules, written out)."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.dtypes import result_dtype


@pytest.fixture
def default_float64():
    mt.set_default_dtype(mt.float64)
    yield
    mt.set_default_dtype(mt.float32)


def test_names():
    assert (mt.float, mt.double, mt.half) == (mt.float32, mt.float64, mt.float16)
    assert (mt.int, mt.long, mt.short) == (mt.int32, mt.int64, mt.int16)
    assert mt.zeros(1, dtype=float).dtype == mt.float64
    assert mt.float32 == np.float32


def test_the_default_can_be_float64(default_float64):
    assert mt.get_default_dtype() == mt.float64
    assert mt.zeros(1).dtype == mt.tensor([1.5]).dtype == mt.rand(2).dtype == mt.float64
    assert (mt.tensor([1]) / 2).dtype == mt.float64
    assert repr(mt.tensor(1.0)) == "tensor(1.)"


def test_the_default_is_floating_point():
    with pytest.raises(TypeError, match=r"set_default_dtype\(int64\): only a floating-point dtype"):
        mt.set_default_dtype(mt.int64)
    assert mt.get_default_dtype() == mt.float32


TENSORS = [
    ("bool", "uint8", "uint8"),
    ("bool", "float32", "float32"),
    ("uint8", "int8", "int16"),
    ("uint8", "int64", "int64"),
    ("int32", "int64", "int64"),
    ("int64", "float16", "float16"),
    ("int64", "float32", "float32"),
    ("float32", "float64", "float64"),
    ("float16", "float32", "float32"),
]


@pytest.mark.parametrize(("a", "b", "expected"), TENSORS)
def test_two_tensors_with_dimensions(a, b, expected):
    x, y = mt.ones(2, dtype=np.dtype(a)), mt.ones(2, dtype=np.dtype(b))
    for result in (x + y, y * x, mt.maximum(x, y), mt.where(x == y, x, y), mt.cat([x, y])):
        assert result.dtype == expected


SCALARS = [
    (mt.ones(2), 1.0, "float32"),
    (mt.ones(2), mt.tensor(1.0, dtype=mt.float64), "float32"),
    (mt.ones(2), np.float64(1), "float32"),
    (mt.ones(2, dtype=mt.int32), np.float64(1), "float32"),
    (mt.tensor(1, dtype=mt.uint8), np.int64(1), "uint8"),
    (mt.ones(2, dtype=mt.int32), 1, "int32"),
    (mt.ones(2, dtype=mt.int32), mt.tensor(1), "int32"),
    (mt.ones(2, dtype=mt.int32), 1.0, "float32"),
    (mt.ones(2, dtype=mt.int32), mt.tensor(1.0, dtype=mt.float64), "float64"),
    (mt.ones(2, dtype=mt.bool), 1, "int64"),
    (mt.ones(2, dtype=mt.bool), True, "bool"),
    (mt.ones(2, dtype=mt.float16), 2.5, "float16"),
    (mt.tensor(1.0), mt.tensor(1.0, dtype=mt.float64), "float64"),
    (mt.ones(2), np.ones(2), "float64"),
]


@pytest.mark.parametrize(("x", "other", "expected"), SCALARS, ids=range(len(SCALARS)))
def test_scalars_count_only_where_they_lift_the_category(x, other, expected):
    assert (x + other).dtype == expected
    assert (other * x).dtype == expected


def test_division_is_floating_point_and_sums_are_int64():
    assert (mt.ones(2, dtype=mt.uint8) / mt.ones(2, dtype=mt.uint8)).dtype == mt.float32
    assert (mt.ones(2, dtype=mt.float16) / 2).dtype == mt.float16
    assert mt.ones(2, dtype=mt.bool).sum().dtype == mt.int64


def test_unsupported_dtypes_are_named():
    for data in (np.array([1j]), ["text"], np.array([None])):
        with pytest.raises(TypeError, match=r"dtype .* is not supported; use bool, an integer or a floating-point"):
            mt.tensor(data)
    with pytest.raises(TypeError, match="complex128 is not supported"):
        mt.from_numpy(np.array([1j]))
    with pytest.raises(TypeError, match="complex128 is not supported"):
        result_dtype(np.array([1j]), np.array([1.0]))
