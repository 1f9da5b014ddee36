"""Winograd's convolution along the rows: its matrices, and its three passes against the reference."""

import os

import numpy as np
import pytest

from minitorch_kernels import memory
from minitorch_kernels.conv2d import winograd_rows
from minitorch_kernels.conv2d.winograd_rows import (
    PANELS,
    conv2d_input_grad_winograd_rows,
    conv2d_weight_grad_winograd_rows,
    conv2d_winograd_rows,
    transformed,
)
from minitorch_kernels.conv2d.winograd_transforms import matrices
from minitorch_kernels.vector import tile_height

from .test_winograd import arrays, three_references

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")

SHAPES = [
    # N, C, O, map, padding
    (1, 1, 1, (5, 5), (0, 0)),
    (3, 2, 5, (5, 12), (0, 0)),  # whole tiles
    (2, 3, 2, (6, 5), (0, 2)),
    (1, 2, 3, (7, 10), (4, 3)),  # a last tile of three columns; rows of y that see one row of the image
    (2, 1, 2, (1, 1), (2, 4)),
    (1, 2, 1, (3, 6), (7, 1)),  # rows of y on the padding alone; for dx the gradient is cut off
]
BIG_SHAPES = [
    (65, 5, 7, (9, 11), (1, 1)),  # one image in a second tile of lanes
    (33, 17, 50, (14, 6), (2, 2)),  # more panels of filters than are transformed together
    (64, 40, 5, (12, 12), (2, 0)),
]


def three_passes(shape, x, w, b, dy):
    """y, dx and dw along the rows."""
    size, padding = shape[3:]
    return (
        conv2d_winograd_rows(x, w, b, padding),
        conv2d_input_grad_winograd_rows(dy, w, size, padding),
        conv2d_weight_grad_winograd_rows(dy, x, (5, 5), padding),
    )


def check(rng, shape, tolerance):
    """y, dx and dw against references in float64; the tolerance is in units of the largest result."""
    given = arrays(rng, shape, 5)
    exact = three_references(shape, 5, *(a.astype(np.float64) for a in given))
    for got, want in zip(three_passes(shape, *given), exact, strict=True):
        assert got.shape == want.shape
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


def test_matrices_give_the_exact_correlation(rng):
    """Aᵀ [(G g) ∘ (Bᵀ d)] = g ⋆ d, in float64."""
    At, G, Bt = matrices(4, 5)
    d, g = rng.standard_normal(8), rng.standard_normal(5)
    np.testing.assert_allclose(At @ ((G @ g) * (Bt @ d)), np.correlate(d, g), rtol=0, atol=1e-13)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_passes_equal_the_references(rng, monkeypatch, shape):
    monkeypatch.setattr(memory, "poison", True)
    check(rng, shape, 3e-6)


@compiled_only
@pytest.mark.parametrize("shape", BIG_SHAPES, ids=str)
def test_passes_equal_the_references_on_larger_arrays(rng, monkeypatch, shape):
    monkeypatch.setattr(memory, "poison", True)
    check(rng, shape, 4e-6)


def test_channels_are_taken_a_few_panels_at_a_time(rng, monkeypatch):
    monkeypatch.setattr(winograd_rows, "PANELS", 1)
    assert tile_height(8) < 8 <= PANELS * tile_height(8)
    check(rng, (2, 1, 8, (5, 9), (0, 0)), 3e-6)
    check(rng, (2, 8, 1, (5, 9), (0, 0)), 3e-6)


@pytest.mark.parametrize("around", [(0, 0), (2, 1), (-1, 2), (1, -2)])
def test_rows_of_zeros_around_the_transformed_image(rng, monkeypatch, around):
    monkeypatch.setattr(memory, "poison", True)
    x = rng.standard_normal((2, 5, 9, 3)).astype(np.float32)
    above, below = around
    inside = x[:, max(0, -above) : 5 + min(0, below)]
    want = np.pad(inside, ((0, 0), (max(0, above), max(0, below)), (0, 0), (0, 0)))
    got = transformed(x, np.eye(8, dtype=np.float32)[:1], 0, 2, around)[0, :, :, :6]
    np.testing.assert_array_equal(got.reshape(*got.shape[:2], 2, 3), want[:, :, [0, 4]])


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_are_never_lost(rng, special):
    """Where the references give NaN or Inf, so do the fast passes, and other images stay as they are."""
    shape = (3, 2, 3, (6, 11), (1, 1))
    for position in (0, 3):  # x and dy; `cpu` sees to filters
        given = arrays(rng, shape, 5)
        usual = three_passes(shape, *given)
        given[position].flat[given[position].size // 2] = special
        with np.errstate(all="ignore"):
            got, want = three_passes(shape, *given), three_references(shape, 5, *given)
        for ours, theirs in zip(got, want, strict=True):
            assert not np.isfinite(ours[~np.isfinite(theirs)]).any()
        if position == 0:
            np.testing.assert_array_equal(got[0][[0, 2]], usual[0][[0, 2]])
        if position == 3:
            np.testing.assert_array_equal(got[1][[0, 2]], usual[1][[0, 2]])


@compiled_only
@pytest.mark.parametrize("C", [6, 48])
def test_accuracy(rng, C):
    """On normal data, near what the docstring of `winograd_rows` says."""
    check(rng, (16, C, 24, (14, 14), (2, 2)), 4e-6)


@compiled_only
def test_one_thread_equals_two(rng):
    numba = pytest.importorskip("numba")
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("only one core")
    shape = (80, 6, 16, (14, 13), (1, 2))
    given = arrays(rng, shape, 5)
    try:
        results = []
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append([a.tobytes() for a in three_passes(shape, *given)])
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert results[0] == results[1]
