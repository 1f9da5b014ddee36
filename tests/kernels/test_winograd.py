"""Winograd's convolution: its matrices, its transforms, and its three passes against the reference."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from minitorch_kernels import conv2d, conv2d_input_grad, conv2d_weight_grad, memory
from minitorch_kernels.conv2d import winograd, winograd_grad, winograd_transforms
from minitorch_kernels.conv2d.winograd import conv2d_input_grad_winograd, conv2d_winograd
from minitorch_kernels.conv2d.winograd_grad import conv2d_weight_grad_winograd
from minitorch_kernels.conv2d.winograd_transforms import matrices

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")
compiled_only = pytest.mark.skipif(not COMPILED, reason="too long in pure Python (NUMBA_DISABLE_JIT)")

FORMS = [(4, 3), (2, 3), (2, 5)]  # F(m x m, r x r)
TRANSFORMS = {  # function: (matrix of (Aᵀ, G, Bᵀ), m, r)
    "data6": (lambda At, G, Bt: Bt, 4, 3),
    "data4": (lambda At, G, Bt: Bt, 2, 3),
    "outputs4": (lambda At, G, Bt: At, 4, 3),
    "outputs2": (lambda At, G, Bt: At, 2, 5),
    "outputs2_of_4": (lambda At, G, Bt: At, 2, 3),
    "spread4": (lambda At, G, Bt: At.T, 4, 3),
    "spread2": (lambda At, G, Bt: At.T, 2, 5),
    "spread2_to_4": (lambda At, G, Bt: At.T, 2, 3),
    "filter3": (lambda At, G, Bt: G, 4, 3),
    "filter5": (lambda At, G, Bt: G, 2, 5),
    "filter3_at_4": (lambda At, G, Bt: G, 2, 3),
    "weights3": (lambda At, G, Bt: G.T, 4, 3),
    "weights5": (lambda At, G, Bt: G.T, 2, 5),
    "weights3_of_4": (lambda At, G, Bt: G.T, 2, 3),
}


@pytest.mark.parametrize(("m", "r"), FORMS)
def test_matrices_give_the_exact_correlation(rng, m, r):
    """Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A = g ⋆ d, in float64."""
    At, G, Bt = matrices(m, r)
    d, g = rng.standard_normal((m + r - 1, m + r - 1)), rng.standard_normal((r, r))
    y = At @ ((G @ g @ G.T) * (Bt @ d @ Bt.T)) @ At.T
    direct = [[np.sum(g * d[i : i + r, j : j + r]) for j in range(m)] for i in range(m)]
    np.testing.assert_allclose(y, direct, rtol=0, atol=1e-13)


def test_two_forms_share_the_transform_of_the_data():
    np.testing.assert_array_equal(matrices(4, 3)[2], matrices(2, 5)[2])


def test_every_transform_is_tested():
    written = {name for name, value in vars(winograd_transforms).items() if hasattr(value, "dispatcher")}
    assert written == set(TRANSFORMS)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_are_their_matrices(name):
    pick, m, r = TRANSFORMS[name]
    matrix = pick(*matrices(m, r))
    columns = getattr(winograd_transforms, name).function(tuple(np.eye(matrix.shape[1])))
    np.testing.assert_allclose(np.stack(columns), matrix, rtol=0, atol=1e-14)


SHAPES = [
    # N, C, O, map, padding
    (1, 1, 1, (6, 6), (0, 0)),
    (3, 2, 5, (5, 8), (1, 1)),  # tiles that stick out at the right and below
    (2, 3, 2, (5, 5), (0, 2)),
    (1, 2, 3, (7, 5), (4, 3)),  # tiles on the padding alone; for dx the gradient is cut off
]
BIG_SHAPES = [
    (17, 5, 7, (9, 11), (1, 1)),  # one image in a second vector
    (33, 17, 25, (14, 5), (2, 2)),  # channels that end in the middle of a vector and of a panel
    (48, 66, 5, (12, 12), (1, 0)),
    (64, 3, 70, (8, 8), (5, 1)),
    (5, 130, 30, (6, 6), (1, 1)),
]


def arrays(rng, shape, r):
    """x, w, b and dy, float32."""
    N, C, O, (H, W), (py, px) = shape
    shapes = (N, C, H, W), (O, C, r, r), (O,), (N, O, H + 2 * py - r + 1, W + 2 * px - r + 1)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def three_passes(shape, m, r, x, w, b, dy):
    """y, dx and dw by Winograd's convolution."""
    size, padding = shape[3:]
    return (
        conv2d_winograd(x, w, b, padding, m),
        conv2d_input_grad_winograd(dy, w, size, padding, m),
        conv2d_weight_grad_winograd(dy, x, (r, r), padding, m),
    )


def three_references(shape, r, x, w, b, dy):
    """y, dx and dw by the references."""
    size, padding = shape[3:]
    options = (1, 1), padding, (1, 1), 1
    return (
        conv2d.reference(x, w, b, *options),
        conv2d_input_grad.reference(dy, w, size, *options),
        conv2d_weight_grad.reference(dy, x, (r, r), *options),
    )


def check(rng, shape, m, r, tolerance):
    """y, dx and dw against references in float64; the tolerance is in units of the largest result."""
    given = arrays(rng, shape, r)
    exact = three_references(shape, r, *(a.astype(np.float64) for a in given))
    for got, want in zip(three_passes(shape, m, r, *given), exact, strict=True):
        assert got.shape == want.shape
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize(("m", "r"), FORMS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_passes_equal_the_references(rng, monkeypatch, shape, m, r):
    monkeypatch.setattr(memory, "poison", True)
    check(rng, shape, m, r, 3e-6)


@compiled_only
@pytest.mark.parametrize(("m", "r"), FORMS)
@pytest.mark.parametrize("shape", BIG_SHAPES, ids=str)
def test_passes_equal_the_references_on_larger_arrays(rng, monkeypatch, shape, m, r):
    monkeypatch.setattr(memory, "poison", True)
    check(rng, shape, m, r, 4e-6)


def test_each_task_has_its_own_transformed_filters(rng, monkeypatch):
    """One block of tiles for two threads: they share its filters, and neither writes where the other reads."""
    made = []
    monkeypatch.setattr(memory, "poison", True)
    monkeypatch.setattr(winograd, "load_numba", lambda: SimpleNamespace(get_num_threads=lambda: 2))
    monkeypatch.setattr(winograd, "empty", lambda *args: made.append(memory.empty(*args)) or made[-1])
    x, w, b, _ = arrays(rng, (1, 2, 10, (4, 4), (1, 1)), 3)
    conv2d_winograd(x, w, b, (1, 1), 4)
    U, scratch = made
    assert len(scratch) == 2
    assert np.isfinite(U.reshape(2, -1)).any(1).all()


@compiled_only
def test_weight_gradient_in_chunks(rng, monkeypatch):
    """Sums that are taken two units at a time, the last one alone, a few more at a time, and all at once."""
    shape = (40, 20, 9, (11, 9), (1, 1))
    for chunk, units in ((0, 2), (500_000, 7), (10**9, 27)):
        monkeypatch.setattr(winograd_grad, "CHUNK", chunk)
        assert winograd_grad.units_together(27, 20, 9, 6, 16) == units
        check(rng, shape, 4, 3, 3e-6)


def test_large_sums_are_visited_less_often(monkeypatch):
    few, many = (64, 64), (384, 384)
    assert winograd_grad.units_together(144, *few, 6, 16) == 8
    assert winograd_grad.units_together(27, *few, 6, 16) == 7  # not 8, 8, 8 and 3
    assert winograd_grad.units_together(144, *many, 6, 16) == 24
    assert winograd_grad.units_together(18, *many, 6, 16) == 18
    assert winograd_grad.units_together(0, *many, 6, 16) == 0


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("m", "r"), FORMS)
def test_nan_and_inf_are_never_lost(rng, m, r, special):
    """Where the references give NaN or Inf, so do the fast passes, and other images stay as they are."""
    shape = (3, 2, 3, (6, 7), (1, 1))
    for position in (0, 1, 3):  # x, w, dy
        given = arrays(rng, shape, r)
        usual = three_passes(shape, m, r, *given)
        given[position].flat[given[position].size // 2] = special
        with np.errstate(all="ignore"):
            got, want = three_passes(shape, m, r, *given), three_references(shape, r, *given)
        for ours, theirs in zip(got, want, strict=True):
            assert not np.isfinite(ours[~np.isfinite(theirs)]).any()
        if position == 0:
            np.testing.assert_array_equal(got[0][[0, 2]], usual[0][[0, 2]])
        if position == 3:
            np.testing.assert_array_equal(got[1][[0, 2]], usual[1][[0, 2]])


ACCURACY = {(4, 3): 4e-6, (2, 3): 1e-6, (2, 5): 3e-6}


@compiled_only
@pytest.mark.parametrize(("m", "r"), FORMS)
@pytest.mark.parametrize("C", [64, 256])
def test_accuracy(rng, m, r, C):
    """On normal data, near what the docstring of `winograd` says."""
    check(rng, (16, C, 24, (14, 14), (r // 2, r // 2)), m, r, ACCURACY[m, r])


@compiled_only
@pytest.mark.parametrize(("m", "r"), FORMS)
def test_one_thread_equals_two(rng, m, r):
    numba = pytest.importorskip("numba")
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("only one core")
    one_block = (33, 130, 200, (m, m), (r // 2, r // 2))
    for shape in (33, 17, 25, (14, 13), (2, 2)), one_block:
        given = arrays(rng, shape, r)
        try:
            results = []
            for threads in (1, 2):
                numba.set_num_threads(threads)
                results.append([a.tobytes() for a in three_passes(shape, m, r, *given)])
        finally:
            numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
        assert results[0] == results[1]
