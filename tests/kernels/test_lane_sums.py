"""`dots` and its two ways, against plain sums over whole numbers, which give the same bits in every order."""

import os

import numpy as np
import pytest

from minitorch_kernels.matmul import lane_sums, turned_sums
from minitorch_kernels.matmul.lane_sums import CHUNKS, SEGMENT, dots, lane_dots
from minitorch_kernels.matmul.turned_sums import DEPTH, turned_dots
from minitorch_kernels.vector import tile_lanes, vectors_per_tile

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")

WAYS = pytest.mark.parametrize("way", [lane_dots, turned_dots])
TILE = tile_lanes(np.float64)
VECTOR = TILE // vectors_per_tile()


def operands(rng, G, M, K, runs, lanes, dtype=np.float64):
    """Rows of a with gaps between their runs, and rows of b in any order, which overlap as taps do."""
    a_starts, b_starts = np.arange(runs) * (lanes + 2) + 1, rng.permutation(runs) * (lanes + 1) + 2
    a_row, offsets = runs * (lanes + 2) + 1, rng.permutation(K) * 3
    a = rng.integers(-8, 9, (G, M * a_row + 1)).astype(dtype)
    b = rng.integers(-8, 9, (G, b_starts.max() + offsets.max() + lanes)).astype(dtype)
    return a, a_row, a_starts, b, b_starts, offsets, M, lanes


def plain_sums(a, a_row, a_starts, b, b_starts, offsets, M, lanes):
    a_places = (np.arange(M)[:, None, None] * a_row + a_starts[:, None] + np.arange(lanes)).reshape(M, -1)
    b_places = (offsets[:, None, None] + b_starts[:, None] + np.arange(lanes)).reshape(len(offsets), -1)
    return a[:, a_places] @ b[:, b_places].swapaxes(1, 2)


@WAYS
@pytest.mark.parametrize(("runs", "lanes"), [(1, 1), (1, 5), (3, 2), (2, VECTOR), (2, VECTOR + 1)])
def test_few_lanes(rng, way, runs, lanes):
    for G, M, K in ((1, 1, 1), (2, 3, 7), (1, VECTOR + 1, 4), (1, 5, 6)):
        args = operands(rng, G, M, K, runs, lanes)
        np.testing.assert_array_equal(way(*args), plain_sums(*args))


@compiled_only
@WAYS
@pytest.mark.parametrize("M", [1, VECTOR - 1, VECTOR, 2 * VECTOR + 1, TILE, TILE + 1, 3 * TILE - 2])
@pytest.mark.parametrize("K", [1, 13, TILE, 2 * TILE + 3])
def test_every_number_of_rows(rng, way, M, K):
    for runs, lanes in ((1, DEPTH + VECTOR + 1), (7, DEPTH // 3)):
        args = operands(rng, 2, M, K, runs, lanes)
        np.testing.assert_array_equal(way(*args), plain_sums(*args))


@compiled_only
@WAYS
@pytest.mark.parametrize(
    ("runs", "lanes"),
    [(1, DEPTH - 1), (3, DEPTH), (1, 3 * DEPTH + 1), (2, SEGMENT + 1), (5, SEGMENT // 2 + 1), (50, 64), (300, 1)],
)
def test_sums_in_parts(rng, monkeypatch, way, runs, lanes):
    """Long runs are cut and short ones taken together; one part and several, one block of rows and several."""
    args = operands(rng, 2, 20, 30, runs, lanes)
    want = plain_sums(*args)
    for part, rows, chunks in ((10**9, 30, 1), (7 * DEPTH, 7, 3), (DEPTH, 10, CHUNKS)):
        monkeypatch.setattr(turned_sums, "PART", part)
        monkeypatch.setattr(turned_sums, "ROWS", rows)
        monkeypatch.setattr(lane_sums, "CHUNKS", chunks)
        np.testing.assert_array_equal(way(*args), want)


@compiled_only
@WAYS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(rng, way, dtype):
    numba = pytest.importorskip("numba")
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("only one core")
    args = operands(rng, 1, 70, 50, 9, 1000, dtype)
    args[0][...], args[3][...] = rng.standard_normal(args[0].shape), rng.standard_normal(args[3].shape)
    results = []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            results.append(way(*args).tobytes())
    finally:
        numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert results[0] == results[1]


@WAYS
@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_special_values_stay_in_their_rows(rng, way, special):
    """Also where a vector or a panel has rows to spare, which are filled with anything."""
    args = operands(rng, 1, 5, 7, 1, VECTOR + 3)
    a, a_row, a_starts, b, b_starts, offsets, M, lanes = args
    offsets = np.arange(7) * lanes
    b = rng.integers(1, 9, (1, 7 * lanes + b_starts[0])).astype(float)
    a[0, a_starts[0] + 4 * a_row + lanes - 1] = b[0, b_starts[0] + offsets[6]] = special
    with np.errstate(all="ignore"):
        d = way(a, a_row, a_starts, b, b_starts, offsets, M, lanes)
    special_places = ~np.isfinite(d[0])
    assert special_places[4].all()
    assert special_places[:, 6].all()
    assert not special_places[:4, :6].any()


@pytest.mark.parametrize(
    ("M", "K", "lanes", "turned"),
    [
        (64, 64, 1024, True),
        (64, 8, 1024, False),  # b stays in the cache
        (64, 15, 8192, False),  # at least what is passed over at a time
        (64, 16, 8192, True),
        (64, 64, 511, False),  # also where the lanes are few
        (64, 64, 512, True),
        (64, 300, 128, True),
        (2 * VECTOR, 64, 1024, True),
        (2 * VECTOR - VECTOR // 2, 64, 1024, True),
        (VECTOR + 1, 64, 1024, False),  # half of the vectors would be empty
        (1, 64, 1024, False),
        (64, 64, 0, False),
        (0, 64, 1024, True),
    ],
)
def test_rule(monkeypatch, M, K, lanes, turned):
    monkeypatch.setattr(lane_sums, "LIGHT", -1)
    assert way_of(monkeypatch, M, K, lanes) == ("turned_dots" if turned else "lane_dots")


@pytest.mark.parametrize(("M", "K", "lanes", "turned"), [(64, 1024, 256, False), (64, 1024, 257, True)])
def test_a_light_product_is_not_turned(monkeypatch, M, K, lanes, turned):
    assert way_of(monkeypatch, M, K, lanes) == ("turned_dots" if turned else "lane_dots")


def way_of(monkeypatch, M, K, lanes):
    """Which of the two `dots` chooses."""
    a, b, start = np.zeros((1, M * lanes)), np.zeros((1, K * lanes)), np.zeros(1, np.int64)
    for name in ("turned_dots", "lane_dots"):
        monkeypatch.setattr(lane_sums, name, lambda *args, name=name: name)
    return dots(a, lanes, start, b, start, np.arange(K) * lanes, M, lanes)


@pytest.mark.parametrize(("M", "lanes"), [(0, 4), (3, 0), (0, 0)])
def test_nothing_to_sum(M, lanes):
    start = np.zeros(1, np.int64)
    d = dots(np.ones((2, M * lanes)), lanes, start, np.ones((2, 2 * lanes)), start, np.arange(2) * lanes, M, lanes)
    np.testing.assert_array_equal(d, np.zeros((2, M, 2)))
    if M == 0:
        b = np.ones((2, 2 * lanes))
        assert turned_dots(np.ones((2, 0)), lanes, start, b, start, np.arange(2) * lanes, 0, lanes).shape == (2, 0, 2)
