"""The dtype of every pair of tensors and numbers, as PyTorch has it."""

from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import torch, values

pytestmark = pytest.mark.parity

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
SHAPES = {"1d": (2,), "0d": ()}
OPERATIONS = {
    "add": lambda t, a, b: a + b,
    "mul": lambda t, a, b: a * b,
    "div": lambda t, a, b: a / b,
    "maximum": lambda t, a, b: t.maximum(a, b),
    "where": lambda t, a, b: t.where(t.tensor(True), a, b),
    "eq": lambda t, a, b: a == b,
}


def dtype_name(tensor):
    return values(tensor).dtype.name


def both(build):
    return dtype_name(build(mt)), dtype_name(build(torch))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_two_tensors(operation):
    wrong = []
    for a, b, sa, sb in product(DTYPES, DTYPES, SHAPES, SHAPES):
        ours, theirs = both(
            lambda t, a=a, b=b, sa=sa, sb=sb: OPERATIONS[operation](
                t, t.ones(SHAPES[sa], dtype=getattr(t, a)), t.ones(SHAPES[sb], dtype=getattr(t, b))
            )
        )
        if ours != theirs:
            wrong.append(f"{a} {sa}, {b} {sb}: {ours} here, {theirs} in PyTorch")
    assert wrong == []


@pytest.mark.parametrize("number", [True, 2, 2.5, np.float64(2.5), np.int64(2), np.float32(2.5)], ids=repr)
@pytest.mark.parametrize("operation", ["add", "mul", "div"])
def test_tensor_and_number(operation, number):
    wrong = []
    for dtype, shape in product(DTYPES, SHAPES):
        for reflected in (False, True) if type(number) in (bool, int, float) else (False,):
            pair = (lambda x: (number, x)) if reflected else (lambda x: (x, number))
            ours, theirs = both(
                lambda t, d=dtype, s=shape, p=pair: OPERATIONS[operation](t, *p(t.ones(SHAPES[s], dtype=getattr(t, d))))
            )
            if ours != theirs:
                wrong.append(f"{dtype} {shape} {reflected}: {ours} here, {theirs} in PyTorch")
    assert wrong == []


def test_powers_sums_and_functions():
    def results(t, dtype):
        x = t.ones(3, dtype=getattr(t, dtype))
        yield from (x.sum(), x.prod(), x.cumsum(0), x.exp(), x.sqrt(), x / 2, x * 2.5, x.float(), x.long(), x > 0)
        if dtype != "bool":
            yield from (x**2, x**0.5, x.abs(), x % 2, x // 2, x.clamp(0, 1), t.sign(x), x.max(0)[0], x.sort()[0])
        if dtype.startswith("float"):
            yield from (x.mean(), x.var(), x.norm(), x.softmax(0))

    for dtype in DTYPES:
        ours, theirs = ([dtype_name(y) for y in results(t, dtype)] for t in (mt, torch))
        assert ours == theirs, dtype


def test_creation():
    calls = [
        lambda t: t.tensor(1.5), lambda t: t.tensor(2), lambda t: t.tensor([True]), lambda t: t.tensor([1, 2.5]),
        lambda t: t.tensor([]), lambda t: t.tensor(np.float64(1)), lambda t: t.tensor(np.ones(2)),
        lambda t: t.arange(3), lambda t: t.arange(3.0), lambda t: t.arange(0, 1, 0.3), lambda t: t.linspace(0, 1, 4),
        lambda t: t.full((2,), 1), lambda t: t.full((2,), 1.0), lambda t: t.full((2,), True), lambda t: t.eye(3),
        lambda t: t.zeros(2), lambda t: t.randint(3, (2,)), lambda t: t.randperm(4), lambda t: t.rand(2),
        lambda t: t.zeros(2, dtype=t.int32).new_zeros(3), lambda t: t.full_like(t.zeros(2, dtype=t.int64), 3),
        lambda t: t.logspace(0, 1, 3), lambda t: t.as_tensor([1.0]), lambda t: t.tensor([0.1], dtype=t.float64),
    ]  # fmt: skip
    for i, call in enumerate(calls):
        ours, theirs = call(mt), call(torch)
        assert (dtype_name(ours), tuple(ours.shape)) == (dtype_name(theirs), tuple(theirs.shape)), i
    for call in calls[:16]:
        np.testing.assert_allclose(values(call(mt)), values(call(torch)), rtol=1e-6)
