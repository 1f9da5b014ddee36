"""The vector code against its specification, the plain Python functions of `vector`."""

import os

import numpy as np
import pytest

from minitorch_kernels.jit import jit
from minitorch_kernels.vector import (
    HEIGHTS,
    ROWS_AHEAD,
    TAPS,
    copy_panel,
    copy_rows,
    dot_tile,
    multiply_tile,
    outer_tile,
    tile_height,
    tile_lanes,
    turn_rows,
    vector_bytes,
)

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="needs compiled code to compare with (NUMBA_DISABLE_JIT)")

DTYPES = [np.float32, np.float64]
ULPS = 20  # sums of about twenty products, each rounded once or twice


@jit
def compiled_multiply_tile(
    a, a_start, b, b_start, offsets, first, length, step, count,
    start, start_at, out, out_start, out_row, height, rows, lanes, add,
):  # fmt: skip
    multiply_tile(
        a, a_start, b, b_start, offsets, first, length, step, count,
        start, start_at, out, out_start, out_row, height, rows, lanes, add,
    )  # fmt: skip


@jit
def compiled_dot_tile(
    a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap,
    first, last, lane, lanes, out, out_start, out_row, height, rows,
):  # fmt: skip
    dot_tile(
        a, a_start, a_row, a_runs, b, b_start, b_runs, offsets, tap,
        first, last, lane, lanes, out, out_start, out_row, height, rows,
    )  # fmt: skip


@jit
def compiled_copy_rows(b, b_start, offsets, first, rows, lanes, out, out_start, out_row):
    copy_rows(b, b_start, offsets, first, rows, lanes, out, out_start, out_row)


@jit
def compiled_copy_panel(x, start, stride, step, length, rows, panel, panel_start, height):
    copy_panel(x, start, stride, step, length, rows, panel, panel_start, height)


@jit
def compiled_turn_rows(x, start, stride, rows, length, out, out_start, width):
    turn_rows(x, start, stride, rows, length, out, out_start, width)


@jit
def compiled_outer_tile(
    a, a_start, a_runs, offsets, row, first, last, length, b, b_start, out, out_start, out_row, height, rows, lanes, add
):  # fmt: skip
    outer_tile(
        a, a_start, a_runs, offsets, row, first, last, length,
        b, b_start, out, out_start, out_row, height, rows, lanes, add,
    )  # fmt: skip


def close(got, want, dtype):
    np.testing.assert_allclose(got, want, rtol=0, atol=ULPS * np.finfo(dtype).eps * np.abs(want).max())


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("add", [0, 1])
def test_multiply_tile(rng, dtype, height, add):
    full = tile_lanes(dtype)
    offsets = rng.integers(0, 50, 20) * 7
    a, start = rng.standard_normal(3 + 20 * height).astype(dtype), rng.standard_normal(9).astype(dtype)
    b = rng.standard_normal(400 + full).astype(dtype)
    for rows in range(1, height + 1):
        for lanes in {1, full // 4 - 1, full // 4, full // 4 + 1, full - 1, full}:
            for first, length, step, count in ((1, 4, 6, 3), (2, 7, 0, 1), (5, 0, 0, 1)):
                results = []
                for function in (compiled_multiply_tile, multiply_tile):
                    out = np.arange(2 + 6 * (full + 3)).astype(dtype)
                    function(
                        a, 3, b, 5, offsets, first, length, step, count,
                        start, 2, out, 2, full + 3, height, rows, lanes, add,
                    )  # fmt: skip
                    results.append(out)
                close(*results, dtype)
                untouched = np.ones((6, full + 3), bool)
                untouched[:rows, :lanes] = False
                np.testing.assert_array_equal(
                    results[0][2:].reshape(6, -1)[untouched], results[1][2:][untouched.ravel()]
                )


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
def test_dot_tile(rng, dtype, height):
    full = tile_lanes(dtype)
    a, b = rng.standard_normal(5 * 300).astype(dtype), rng.standard_normal(600).astype(dtype)
    a_runs, b_runs, offsets = np.array([3, 90, 40]), np.array([0, 51, 120]), np.array([9, 0, 7, 30, 31, 2])
    a = np.append(a, np.zeros(300, dtype))
    for rows in range(1, height + 1):
        for lanes in {0, 1, full // 4 - 1, full // 4, full // 4 + 1, full + 5}:
            for first, last in ((0, 3), (1, 2), (1, 1)):
                results = []
                for function in (compiled_dot_tile, dot_tile):
                    out = np.arange(4.0 + 6 * (TAPS + 1)).astype(dtype)
                    function(
                        a, 1, 250, a_runs, b, 2, b_runs, offsets, 1,
                        first, last, 4, lanes, out, 4, TAPS + 1, height, rows,
                    )  # fmt: skip
                    results.append(out)
                close(*results, dtype)


@pytest.mark.parametrize("function", [copy_rows, pytest.param(compiled_copy_rows, marks=compiled_only)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_copy_rows(rng, function, dtype):
    full = tile_lanes(dtype)
    b, offsets = rng.standard_normal(10 * full).astype(dtype), np.array([7, 0, 3 * full, 5, full])
    for lanes in (1, full // 4, full // 2 + 1, full - 1, full):
        out = np.zeros(3 * (full + 2) + 1, dtype)
        function(b, 2, offsets, 1, 3, lanes, out, 1, full + 2)
        want = np.zeros((3, full + 2), dtype)
        for row, offset in zip(want, offsets[1:4]):
            row[:lanes] = b[2 + offset : 2 + offset + lanes]
        np.testing.assert_array_equal(out[1:].reshape(3, -1), want)


@pytest.mark.parametrize("function", [copy_panel, pytest.param(compiled_copy_panel, marks=compiled_only)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
def test_copy_panel(rng, function, dtype, height):
    x = rng.standard_normal(100).astype(dtype)
    for rows in range(1, height + 1):
        for length in (0, 1, 5):
            panel = np.zeros(2 + 6 * height, dtype)
            function(x, 3, 11, 2, length, rows, panel, 2, height)
            steps = panel[2:].reshape(6, height)
            for k, r in np.ndindex(length, rows):
                assert steps[k, r] == x[3 + r * 11 + k * 2]
            assert not panel[:2].any()
            assert not steps[length:].any()


@pytest.mark.parametrize("function", [turn_rows, pytest.param(compiled_turn_rows, marks=compiled_only)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_turn_rows(rng, function, dtype):
    width = tile_lanes(dtype)
    vector = width // 4
    x = rng.standard_normal(5 + width * 3 * width).astype(dtype)
    for rows in {1, vector - 1, vector, vector + 1, width - 1, width}:
        for length in {0, 1, vector - 1, vector, 2 * vector + 3}:
            out = np.zeros((2 + length, width), dtype)
            function(x, 5, 3 * width, rows, length, out.reshape(-1), width, width)
            want = x[5:].reshape(width, 3 * width)[:rows, :length].T
            np.testing.assert_array_equal(out[1:-1, :rows], want)
            assert not out[[0, -1]].any()  # nothing before and after


@compiled_only
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("height", HEIGHTS)
@pytest.mark.parametrize("add", [0, 1])
def test_outer_tile(rng, dtype, height, add):
    full = tile_lanes(dtype)
    a, b = rng.standard_normal(400).astype(dtype), rng.standard_normal(3 + 21 * full).astype(dtype)
    a_runs, offsets = np.array([90, 3, 40, 77]), rng.integers(0, 200, 3 + height + ROWS_AHEAD)
    for rows in range(1, height + 1):
        for lanes in {1, full // 4 - 1, full // 4, full // 4 + 1, full - 1, full}:
            for first, last, length in ((0, 4, 5), (1, 3, 9), (2, 3, 1), (1, 1, 4), (0, 2, 0)):
                results = []
                for function in (compiled_outer_tile, outer_tile):
                    out = np.arange(2 + 6 * (full + 3)).astype(dtype)
                    function(
                        a, 4, a_runs, offsets, 3, first, last, length,
                        b, 3, out, 2, full + 3, height, rows, lanes, add,
                    )  # fmt: skip
                    results.append(out)
                close(*results, dtype)
                untouched = np.ones((6, full + 3), bool)
                untouched[:rows, :lanes] = False
                np.testing.assert_array_equal(
                    results[0][2:].reshape(6, -1)[untouched], results[1][2:][untouched.ravel()]
                )


@pytest.mark.parametrize("add", [0, 1])
def test_specification_of_outer_tile(rng, add):
    a, b, runs = rng.standard_normal(60), rng.standard_normal((6, tile_lanes(np.float64))), np.array([30, 0, 7])
    offsets, out = np.array([9, 2, 11]), np.ones((2, 5))
    outer_tile(a, 1, runs, offsets, 1, 1, 3, 3, b.reshape(-1), 0, out.reshape(-1), 0, 5, 4, 2, 5, add)
    for r, lane in np.ndindex(2, 5):
        terms = [a[1 + run + offsets[1 + r] + k] * b[3 * i + k, lane] for i, run in enumerate((0, 7)) for k in range(3)]
        np.testing.assert_allclose(out[r, lane], add + sum(terms), rtol=1e-12)


@compiled_only
@pytest.mark.parametrize(
    ("features", "width"), [("+avx2,+fma", 32), ("+avx512f,+avx2", 64), ("-avx2,+sse4.1", 16), ("", 16)]
)
def test_vectors_are_those_that_numba_compiles_for(monkeypatch, features, width):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
    assert vector_bytes.__wrapped__() == width


@compiled_only
def test_mixed_dtypes_do_not_compile():
    numba_errors = pytest.importorskip("numba").core.errors
    one = np.ones(100, np.float32)
    with pytest.raises(numba_errors.TypingError, match="arrays of one dtype"):
        compiled_multiply_tile(
            one, 0, one.astype(np.float64), 0, np.arange(3), 0, 1, 0, 1, one, 0, one, 0, 10, 4, 1, 1, 0
        )  # fmt: skip


@pytest.mark.parametrize(
    ("M", "height"), [(1, 1), (2, 4), (4, 4), (6, 6), (8, 4), (10, 6), (12, 6), (16, 4), (17, 6), (64, 4)]
)
def test_tile_height_wastes_the_fewest_rows(M, height):
    assert tile_height(M) == height
