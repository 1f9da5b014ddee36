"""Products and convolutions in each kind of tile, and sums in several parts, which small cases would not reach."""

import numpy as np
import pytest

import minitorch_cv as mt
from minitorch_kernels import REGISTRY
from minitorch_kernels.arrays import on_cpu
from minitorch_kernels.conv2d import cuda
from minitorch_kernels.cuda import parts, precision, simulator, tiles
from minitorch_kernels.cuda.divisor import divisor
from minitorch_kernels.matmul import product_cuda

from ...gpu import there
from ..test_implementations import compare

PAIRS = ((2, 1), (1, 2), (1, 1))  # stride, padding, dilation


def exact(x):
    return x


def to_tf32(x):
    """10 of the 23 bits of the mantissa, the nearest, a tie away from zero."""
    if x.dtype != np.float32:
        return x
    mantissa, exponent = np.frexp(x.astype(np.float64))
    scaled = mantissa * 2**11
    return np.ldexp(np.copysign(np.floor(np.abs(scaled) + 0.5), scaled) / 2**11, exponent).astype(np.float32)


def to_bf16(x):
    """7 bits of the mantissa, the nearest, a tie to the even one."""
    if x.dtype != np.float32:
        return x
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(mantissa * 2**8) / 2**8, exponent).astype(np.float32)


ROUNDED = {"highest": exact, "high": to_tf32, "medium": to_bf16}
KINDS = {
    "tiny": (tiles.TINY, "highest"),
    "narrow": (tiles.NARROW, "highest"),
    "small": (tiles.SMALL, "highest"),
    "large": (tiles.LARGE, "highest"),
    **{
        f"{name}_{kind.name}": (kind._replace(name=f"{name}_{kind.name}"), precision)
        for name, precision in (("tf32", "high"), ("bf16", "medium"))
        for kind in (tiles.SMALL, tiles.LARGE)
    },
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def rounded(request, monkeypatch):
    """Have one kind of tile serve float32, in an order of threads that lets copies come late -> what it reads."""
    kind, name = request.param
    for user in (product_cuda, cuda):
        monkeypatch.setattr(user, "tile", lambda batch, rows, columns, size: kind if size == 4 else tiles.SMALL)
    monkeypatch.setattr(parts, "SHORTEST", 16)
    monkeypatch.setattr(simulator, "shuffle_seed", 1)
    return ROUNDED[name]


def check(rounded, name, *args):
    """The kernel against its reference in float64, which is given factors as `rounded` leaves them."""
    given = [*map(there, args)]
    known = [(rounded(a) if a.ndim > 1 else a).astype(np.float64) if isinstance(a, np.ndarray) else a for a in args]
    result = on_cpu(REGISTRY[name](*given))
    compare([result], [REGISTRY[name].reference(*known).astype(result.dtype)])


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(("M", "K", "N"), [(150, 44, 132), (3, 39, 270), (129, 1, 1), (8, 100, 4)])
def test_matmul(M, K, N, rounded):
    check(rounded, "matmul", draw(M, K), draw(K, N))
    check(rounded, "matmul", draw(K, M).T, draw(N, K).T)
    check(rounded, "matmul", draw(2, M, K)[:, :, ::-1], draw(N, 2, K).transpose(1, 2, 0))


@pytest.mark.parametrize(("C", "O", "groups"), [(3, 10, 1), (8, 40, 2), (4, 18, 1), (5, 4, 1)])
def test_convolution(C, O, groups, rounded):
    x, w, b = draw(2, C, 15, 13), draw(O, C // groups, 3, 3), draw(O)
    check(rounded, "conv2d", x, w, b, *PAIRS, groups)
    dy = draw(*REGISTRY["conv2d"].reference(x, w, b, *PAIRS, groups).shape)
    check(rounded, "conv2d_input_grad", dy, w, (15, 13), *PAIRS, groups)
    check(rounded, "conv2d_weight_grad", dy, x, (3, 3), *PAIRS, groups)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_special_values_reach_the_same_results(special, rounded):
    for position in (0, 1):
        factors = [draw(5, 20), draw(20, 6)]
        factors[position][3, 4] = special
        with np.errstate(all="ignore"):
            check(rounded, "matmul", *factors)
        factors = [draw(2, 3, 5, 6), draw(4, 3, 3, 3)]
        factors[position][1, 2, 1, 2] = special
        with np.errstate(all="ignore"):
            check(rounded, "conv2d", *factors, None, *PAIRS, 1)
        # a tile of the input gradient with such a result sums anew, without zeros and without rounding
        factors[0] = draw(2, 4, 3, 8)
        factors[position][1, 2, 1, 2] = special
        with np.errstate(all="ignore"):
            check(exact, "conv2d_input_grad", *factors, (5, 6), *PAIRS, 1)


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ((1, 200000, 6, 4), "narrow"),  # LeNet's first layer
        ((1, 6, 25, 4), "tiny"),  # its weight gradient
        ((1, 256, 120, 4), "small"),
        ((1, 12544, 128, 4), "large"),
        ((1, 12544, 128, 8), "small"),
        ((1, 256, 10, 8), "tiny"),
    ],
)
def test_a_tile_for_each_shape(product, name):
    assert tiles.tile(*product).name == name


@pytest.mark.parametrize(("word", "name"), [("high", "tf32"), ("medium", "bf16")])
def test_a_lower_precision_takes_matrix_instructions_for_float32(word, name, monkeypatch):
    monkeypatch.setattr(precision, "float32_matmul", word)
    assert tiles.tile(1, 12544, 128, 4).name == f"{name}_large"
    assert tiles.tile(1, 256, 120, 4).name == f"{name}_small"
    assert tiles.tile(1, 256, 120, 8).name == "small"


@pytest.mark.parametrize(
    ("results", "depth", "expected"),
    [
        (1, 200704, (256, 784)),
        (8, 400, (5, 80)),
        (300, 100000, (1, 100000)),
        (1, 63, (1, 64)),
        (1, 0, (1, 16)),
        (0, 5, (1, 16)),
    ],
)
def test_parts_cover_the_sum(results, depth, expected):
    assert parts.parts(results, depth) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_are_added_in_order(dtype):
    partial = draw(21, 3, 37, dtype=dtype)
    out = there(np.empty((3, 37), dtype))
    parts.add_parts(there(partial), out)
    compare([on_cpu(out)], [partial.sum(0)])


@pytest.mark.parametrize("by", [1, 2, 3, 7, 64, 1000, 12345, 2**30 + 1, 2**31 - 1])
def test_division_by_multiplication(by):
    packed = divisor(by)
    shift, multiplier = packed >> 32, packed & (2**32 - 1)
    for n in (0, 1, by - 1, by, by + 1, 5 * by - 1, 5 * by, 2**31 - 1):
        if n < 2**31:
            assert (((n * multiplier) >> 32) + n) >> shift == n // by


def test_more_places_than_the_kernels_count_are_refused():
    with pytest.raises(ValueError, match=r"70000 images of \(224, 224\) have 3512320000 places, more than 2\*\*31"):
        cuda.check_places((70000, 1, 224, 224), (224, 224))


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision\('low'\): choose one of 'highest', 'high', 'medium'"):
        mt.set_float32_matmul_precision("low")
    assert mt.get_float32_matmul_precision() == "highest"
