from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F
from minitorch_cv.ops.padding import SOURCES, check_margin, runs

from .differences import assert_gradients, batch_last, distinct

ROW = mt.tensor([[0.0, 1.0, 2.0, 3.0]])

ROWS = [
    ((2, 1), "constant", [0, 0, 0, 1, 2, 3, 0]),
    ((-1, 2), "constant", [1, 2, 3, 0, 0]),
    ((-1, -2), "constant", [1]),
    ((-2, -2), "constant", []),
    ((2, 3), "reflect", [2, 1, 0, 1, 2, 3, 2, 1, 0]),
    ((-2, 2), "reflect", [2, 3, 2, 1]),
    ((2, 3), "replicate", [0, 0, 0, 1, 2, 3, 3, 3, 3]),
    ((9, -3), "replicate", [0] * 10),
    ((2, 4), "circular", [2, 3, 0, 1, 2, 3, 0, 1, 2, 3]),
    ((-1, 2), "circular", [1, 2, 3, 1, 2]),
    ((2, -1), "circular", [1, 2, 0, 1, 2]),
]


@pytest.mark.parametrize(("widths", "mode", "expected"), ROWS)
def test_one_axis(widths, mode, expected):
    assert F.pad(ROW, widths, mode).tolist() == [expected]


@pytest.mark.parametrize("value", [None, 0, 2.5])
def test_constant_pads_any_number_of_axes_last_axis_first(rng, value):
    x = rng.normal(size=(2, 3, 4))
    y = F.pad(mt.tensor(x), (1, 2, 0, 1, 3, 0), "constant", value)
    expected = np.pad(x, [(3, 0), (0, 1), (1, 2)], constant_values=value or 0)
    np.testing.assert_array_equal(y.numpy(), expected)


@pytest.mark.parametrize(("mode", "numpy_mode"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_several_axes(rng, mode, numpy_mode):
    x = rng.normal(size=(2, 3, 4, 5))
    y = F.pad(mt.tensor(x), (1, 2, 3, 0), mode)
    np.testing.assert_array_equal(y.numpy(), np.pad(x, [(0, 0), (0, 0), (3, 0), (1, 2)], numpy_mode))
    y = F.pad(mt.tensor(x), (1, 2, 0, 1, 1, 2), mode)
    np.testing.assert_array_equal(y.numpy(), np.pad(x, [(0, 0), (1, 2), (0, 1), (1, 2)], numpy_mode))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("widths", [(1, 2, 2, 0), (-1, 2, 1, -1), (0, 0, 0, 0)])
def test_gradients(rng, mode, widths):
    assert_gradients(lambda x: F.pad(x, widths, mode), distinct(rng, 2, 3, 4))


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_batch_last_memory_stays_batch_last(rng, mode):
    x = mt.Tensor(batch_last(rng.normal(size=(5, 2, 3, 3))), requires_grad=True)
    y = F.pad(x, (1, 1, 1, 1), mode)
    y.backward(mt.Tensor(batch_last(rng.normal(size=y.shape))))
    assert (y.stride()[0], x.grad.stride()[0]) == (1, 1)


@pytest.mark.parametrize("mode", SOURCES)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_gradient_is_the_sum_over_the_copies(rng, mode, n):
    """All widths -3 .. 4 that the mode allows, against a sum element by element."""
    for before, after in product(range(-3, 5), repeat=2):
        try:
            check_margin(mode, (n,), 0, (before, after))
        except RuntimeError:
            continue
        sources = SOURCES[mode](np.arange(-before, n + after), n, before, after)
        x = mt.tensor(rng.normal(size=(2, n)), requires_grad=True)
        y, dy = F.pad(x, (before, after), mode), rng.normal(size=(2, len(sources)))
        np.testing.assert_array_equal(y.detach().numpy(), x.detach().numpy()[:, sources])
        y.backward(mt.tensor(dy))
        expected = np.zeros((2, n))
        np.add.at(expected.T, sources, dy.T)
        np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12, atol=1e-12, err_msg=f"{before}, {after}")


def test_runs_join_what_is_copied_in_order():
    found = runs(np.array([2, 1, 0, 1, 2, 3, 3, 3, 0]), ())
    elements = np.arange(4)
    assert [(places[0].start, elements[source].tolist(), repeated) for places, source, repeated in found] == [
        (0, [2, 1, 0], False),
        (3, [1, 2, 3], False),
        (6, [3], True),
        (8, [0], False),
    ]


def test_dtype_is_kept():
    for mode in ("constant", "reflect"):
        assert F.pad(mt.arange(4).reshape(1, 4), (1, 1), mode).dtype == mt.int64
        assert F.pad(ROW, (1, 1), mode).dtype == mt.float32


def test_result_is_a_copy_also_without_margins():
    for mode in ("constant", "reflect"):
        y = F.pad(ROW, (0, 0), mode)
        y += 1
    assert ROW.tolist() == [[0, 1, 2, 3]]


REFUSED = [
    (
        (1,),
        "constant",
        RuntimeError,
        r"pad: 1 widths \(1,\) for shape \(1, 4\); give two for each axis, last axis first",
    ),
    ((1,) * 6, "constant", RuntimeError, r"pad: 6 widths .* at most 4"),
    (
        (-3, -2),
        "constant",
        RuntimeError,
        r"pad: widths \(-3, -2\) cut more than the 4 elements of axis 1 of shape \(1, 4\)",
    ),
    (
        (4, 0),
        "reflect",
        RuntimeError,
        r"mode='reflect' fills at most 3 elements from the 4 of axis 1 .*got widths \(4, 0\)",
    ),
    ((0, 5), "circular", RuntimeError, r"pad: mode='circular' fills at most 4 elements from the 4 of axis 1"),
    ((-2, -2), "replicate", RuntimeError, r"mode='replicate' has nothing to copy: widths \(-2, -2\) for axis 1"),
    (
        (1, 1, 0, 0),
        "reflect",
        NotImplementedError,
        r"pad: 4 widths for shape \(1, 4\) with mode='reflect'; give 2 widths",
    ),
    (
        (1, 1),
        "mirror",
        NotImplementedError,
        r"pad: mode='mirror'; choose 'constant', 'reflect', 'replicate' or 'circular'",
    ),
]


@pytest.mark.parametrize(("widths", "mode", "kind", "text"), REFUSED)
def test_what_does_not_fit_is_refused(widths, mode, kind, text):
    with pytest.raises(kind, match=text):
        F.pad(ROW, widths, mode)


def test_a_value_fits_the_constant_mode_only():
    with pytest.raises(RuntimeError, match=r"pad: mode='circular' takes no value, got 1.0; leave it out"):
        F.pad(ROW, (1, 1), "circular", 1.0)
