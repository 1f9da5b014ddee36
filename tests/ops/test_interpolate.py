import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_cv.nn import functional as F

from .differences import assert_gradients, batch_last, distinct, reversed_memory

ROW = mt.tensor([[[[0.0, 1.0, 2.0, 3.0]]]])

ROWS = [
    ({"size": (1, 8)}, [0, 0, 1, 1, 2, 2, 3, 3]),
    ({"size": (1, 3)}, [0, 1, 2]),
    ({"size": (1, 3), "mode": "nearest-exact"}, [0, 2, 3]),
    ({"size": (1, 4)}, [0, 1, 2, 3]),
    ({"scale_factor": (1, 1.5)}, [0, 0, 1, 2, 2, 3]),
    ({"size": (1, 8), "mode": "bilinear"}, [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]),
    ({"size": (1, 2), "mode": "bilinear"}, [0.5, 2.5]),
    ({"size": (1, 7), "mode": "bilinear", "align_corners": True}, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
    ({"size": (1, 1), "mode": "bilinear", "align_corners": True}, [0]),
    ({"size": (1, 4), "mode": "bilinear"}, [0, 1, 2, 3]),
    # 4 · 0.8 = 3.2 is cut to 3: the step is 1 / 0.8 = 1.25 as given, 4 / 3 recomputed
    ({"scale_factor": (1, 0.8), "mode": "bilinear"}, [0.125, 1.375, 2.625]),
    ({"scale_factor": (1, 0.8), "mode": "bilinear", "recompute_scale_factor": True}, [1 / 6, 1.5, 17 / 6]),
    ({"size": (1, 2), "mode": "area"}, [0.5, 2.5]),
]


@pytest.mark.parametrize(("options", "expected"), ROWS, ids=str)
def test_one_row(options, expected):
    y = F.interpolate(ROW, **options)
    assert y.shape == (1, 1, 1, len(expected))
    np.testing.assert_allclose(y.flatten().numpy(), expected, rtol=1e-6, atol=1e-6)
    down = F.interpolate(ROW.transpose(2, 3), **{k: v[::-1] if isinstance(v, tuple) else v for k, v in options.items()})
    np.testing.assert_allclose(down.flatten().numpy(), expected, rtol=1e-6, atol=1e-6)


def test_one_number_stands_for_both_axes(rng):
    x = mt.tensor(rng.normal(size=(2, 1, 3, 3)))
    np.testing.assert_array_equal(F.interpolate(x, 5).numpy(), F.interpolate(x, (5, 5)).numpy())
    np.testing.assert_array_equal(
        F.interpolate(x, scale_factor=2).numpy(), x.numpy().repeat(2, axis=2).repeat(2, axis=3)
    )


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "area"])
@pytest.mark.parametrize("size", [(5, 2), (2, 7)])
def test_gradients(rng, mode, size):
    assert_gradients(lambda x: F.interpolate(x, size, mode=mode), distinct(rng, 2, 2, 3, 4))


def test_a_plane_is_reproduced_exactly_by_bilinear_interpolation():
    """2 i + 3 j is linear along both axes, so that only the margins differ from the same plane drawn larger."""
    i, j = np.mgrid[:6, :5]
    x = mt.Tensor((2.0 * i + 3 * j)[None, None])
    y = F.interpolate(x, scale_factor=3, mode="bilinear").numpy()[0, 0]
    i, j = (np.mgrid[:18, :15] + 0.5) / 3 - 0.5
    np.testing.assert_allclose(y[1:-1, 1:-1], (2 * i + 3 * j)[1:-1, 1:-1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("memory", [np.ascontiguousarray, batch_last, reversed_memory])
def test_result_is_batch_last_for_any_memory(rng, memory):
    x = rng.normal(size=(3, 2, 3, 4))
    y = F.interpolate(mt.Tensor(memory(x)), (5, 3), mode="bilinear")
    assert y.stride()[0] == 1
    np.testing.assert_allclose(y.numpy(), F.interpolate(mt.tensor(x), (5, 3), mode="bilinear").numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = mt.zeros(2, 1, 3, 3, dtype=dtype, requires_grad=True)
    y = F.interpolate(x, 4, mode="bilinear")
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)


def test_empty_batch():
    x = mt.zeros(0, 2, 3, 3, requires_grad=True)
    y = F.interpolate(x, scale_factor=2)
    y.sum().backward()
    assert (y.shape, x.grad.shape) == ((0, 2, 6, 6), (0, 2, 3, 3))


REFUSED = [
    ({}, ValueError, "give one of size and scale_factor, got size=None and scale_factor=None"),
    ({"size": 2, "scale_factor": 2}, ValueError, r"got size=2 and scale_factor=\(2, 2\)"),
    ({"size": (2,)}, ValueError, r"interpolate: size is \(2,\); give one number, or two"),
    ({"size": 2.5}, TypeError, r"interpolate: size is 2.5 but must be one or two integers"),
    ({"scale_factor": (2, 2, 2)}, ValueError, r"scale_factor is \(2, 2, 2\); give one number, or two"),
    ({"size": 2, "recompute_scale_factor": True}, ValueError, "recompute_scale_factor means nothing with size=2"),
    ({"size": (0, 2)}, RuntimeError, r"\(1, 4\) becomes \(0, 2\); both must be at least \(1, 1\)"),
    ({"scale_factor": 0.5}, RuntimeError, r"interpolate: \(1, 4\) becomes \(0, 2\)"),
    ({"size": 2, "align_corners": False}, ValueError, "align_corners=False means nothing with mode='nearest'"),
    ({"size": 2, "mode": "bicubic"}, NotImplementedError, "mode='bicubic'; choose one of 'nearest', 'nearest-exact'"),
    ({"size": 2, "mode": "bilinear", "antialias": True}, NotImplementedError, "antialias=True is not offered"),
]


@pytest.mark.parametrize(("options", "kind", "text"), REFUSED, ids=str)
def test_what_does_not_fit_is_refused(options, kind, text):
    with pytest.raises(kind, match=text):
        F.interpolate(ROW, **options)


def test_other_ranks_and_integers_are_refused():
    with pytest.raises(NotImplementedError, match=r"x has shape \(1, 1, 4\) but must be \(N, C, H, W\)"):
        F.interpolate(ROW[0], scale_factor=2)
    with pytest.raises(NotImplementedError, match=r"x is uint8 but must be floating point; convert with .float\(\)"):
        F.interpolate(ROW.to(mt.uint8), scale_factor=2)
    with pytest.raises(RuntimeError, match=r"\(0, 4\) becomes \(2, 2\)"):
        F.interpolate(mt.zeros(1, 1, 0, 4), 2)
