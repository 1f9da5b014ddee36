"""Comparisons and logic: bool tensors, with tensors, arrays and numbers on either side."""

import operator

import numpy as np
import pytest

import minitorch_cv as mt

A = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, -1.0]])
B = np.array([2.0, 2.0, 2.0])

RELATIONS = ["eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", RELATIONS)
def test_relations(name):
    relation = getattr(operator, name)
    expected = relation(A, B).tolist()
    a, b = mt.tensor(A), mt.tensor(B)
    for result in (relation(a, b), getattr(mt, name)(a, b), getattr(a, name)(2), relation(a, 2.0), relation(a, B)):
        assert result.dtype == mt.bool
        assert result.tolist() == expected
    assert relation(2, a).tolist() == relation(2, A).tolist()
    assert relation(B, a).tolist() == relation(B, A).tolist()


def test_comparison_with_none_and_text_is_by_identity():
    x = mt.ones(2)
    assert (x == None) is False  # noqa: E711 - what the operator gives is the point
    assert (x != "text") is True


def test_comparisons_are_not_recorded():
    x = mt.ones(2, requires_grad=True)
    assert not (x > 0).requires_grad
    assert (x * 1 == 1).grad_fn is None


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic(name):
    a, b = np.array([0.0, 2.0, 0.0, 1.0]), np.array([0, 0, 3, 1])
    assert getattr(mt, name)(mt.tensor(a), mt.tensor(b)).tolist() == getattr(np, name)(a, b).tolist()


def test_not_and_bitwise_operators():
    a, b = mt.tensor([True, True, False]), mt.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert mt.logical_not(mt.tensor([0.0, 2.0])).tolist() == [True, False]
    assert (mt.tensor([6]) & 3).item() == 2
    assert (5 | mt.tensor([2])).item() == 7


def test_kinds_of_numbers():
    x = mt.tensor([1.0, np.nan, np.inf, -np.inf])
    assert x.isnan().tolist() == [False, True, False, False]
    assert x.isinf().tolist() == [False, False, True, True]
    assert x.isfinite().tolist() == [True, False, False, False]


def test_equal_isclose_allclose():
    x = mt.tensor([1.0, 2.0])
    assert mt.equal(x, x.clone())
    assert not mt.equal(x, mt.tensor([1.0]))
    assert not mt.equal(x, mt.tensor([1.0, 2.5]))
    assert mt.isclose(x, mt.tensor([1.0, 2.1]), rtol=0.01).tolist() == [True, False]
    assert mt.allclose(x, x + 1e-7)
    assert not mt.allclose(mt.tensor([np.nan]), mt.tensor([np.nan]))
    assert mt.allclose(mt.tensor([np.nan]), mt.tensor([np.nan]), equal_nan=True)


def test_float32_against_a_python_number_compares_in_float32():
    assert (mt.tensor([0.1]) == 0.1).all()
