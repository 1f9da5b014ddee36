"""The rule that picks a convolution's algorithm, and `use`, which overrides it."""

import numpy as np
import pytest

from minitorch_kernels import conv2d, conv2d_input_grad, conv2d_weight_grad, use
from minitorch_kernels.conv2d import cpu
from minitorch_kernels.conv2d.choice import choose, taps_inside

ONE = (1, 1)


def choice(N, C, O, H, r, p=0, stride=ONE, dilation=ONE, groups=1, dtype=np.float32, result="y"):
    return choose((N, C, H, H), (O, C // groups, r, r), stride, (p, p), dilation, groups, dtype, result)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ((64, 64, 64, 24, 3, 1), "winograd 4x4"),  # ResNet-18 on 96
        ((64, 128, 128, 12, 3, 1), "winograd 4x4"),
        ((64, 256, 256, 6, 3, 1), "winograd 2x2"),  # 4x4 tiles would stick out by half
        ((64, 512, 512, 3, 3, 1), "winograd 4x4"),
        ((64, 152, 32, 3, 3, 1), "direct"),  # DenseNet: few filters on a small map
        ((32, 96, 256, 26, 5, 2), "winograd 2x2"),  # AlexNet, NiN
        ((256, 1, 6, 28, 5, 2), "direct"),  # LeNet: too few channels to pay for the transforms
        ((256, 6, 16, 14, 5, 0), "direct"),
        ((256, 16, 6, 10, 5, 4, ONE, ONE, 1, np.float32, "dx"), "direct"),
        ((256, 6, 16, 14, 5, 0, ONE, ONE, 1, np.float32, "dw"), "direct"),
        ((64, 16, 32, 12, 5, 2), "winograd 1x4"),  # GoogLeNet
        (
            (64, 8, 32, 20, 5, -1),
            "direct",
        ),  # dx of a padding as wide as the filter: tiles of dy would stick out at the left
        ((64, 64, 64, 24, 1), "direct"),
        ((64, 64, 64, 24, 7, 3), "direct"),
        ((0, 64, 64, 24, 3, 1), "direct"),
        ((64, 64, 64, 24, 3, 1, (2, 2)), "direct"),
        ((1, 64, 64, 56, 3, 1), "planes"),
        ((1, 512, 512, 7, 3, 1), "planes"),
        ((1, 256, 64, 56, 1), "planes"),  # nothing is copied
        ((8, 64, 64, 14, 3, 2, ONE, (2, 2)), "direct"),  # a dilation makes the planes wider
        ((15, 64, 64, 3, 3, 1), "direct"),  # on a small map the columns of the padding are too many
        ((1, 1, 6, 28, 5, 2), "direct"),  # so little to do that no copy pays
        ((1, 64, 64, 56, 3, 1, ONE, ONE, 64), "direct"),  # depthwise: copies would take as long as the products
        ((15, 64, 64, 24, 3, 1, (2, 2)), "planes"),
        ((16, 64, 64, 24, 3, 1, (2, 2)), "direct"),
        ((2, 64, 64, 24, 3, 1, (2, 1)), "planes"),
        ((2, 64, 64, 24, 3, 1, (2, 2), ONE, 1, np.float32, "dx"), "planes"),
        ((2, 64, 64, 24, 3, 1, (2, 2), ONE, 1, np.float32, "dw"), "im2col"),
        ((2, 64, 32, 24, 3, 1, (2, 2), ONE, 1, np.float32, "dw"), "direct"),
        ((64, 64, 64, 24, 3, 1, ONE, (2, 2)), "direct"),
        ((64, 64, 64, 24, 3, 1, ONE, ONE, 2), "direct"),
        ((64, 64, 64, 24, 3, 1, ONE, ONE, 1, np.float64), "direct"),
    ],
)
def test_rule(layer, expected):
    assert choice(*layer) == expected


def test_taps_on_the_padding_count_for_dw_alone():
    """On a map of 3 x 3, y and dx see 49 of 81 taps; the weight gradient multiplies zeros, too."""
    assert choice(64, 160, 320, 3, 3, 1) == "direct"
    assert choice(64, 160, 320, 3, 3, 1, result="dw") == "winograd 4x4"


def test_dw_has_its_own_prices():
    assert choice(64, 12, 12, 24, 3, 1) == "winograd 4x4"
    assert choice(64, 12, 12, 24, 3, 1, result="dw") == "direct"


def test_dx_along_the_rows_cuts_its_gradient_into_tiles():
    """Eight columns of dy become twelve of dx: two tiles of four, where y with twelve columns has three."""
    assert choice(64, 10, 10, 8, 5, 4, result="dx") == "winograd 1x4"
    assert choice(64, 10, 10, 8, 5, 4) == "direct"


@pytest.mark.parametrize("padding", [-1, 0, 1, 2, 4])
@pytest.mark.parametrize(("size", "r"), [(3, 3), (4, 5), (1, 3), (6, 5)])
def test_taps_inside(size, r, padding):
    out = size + 2 * padding - r + 1
    inside = [0 <= i + t - padding < size for i in range(out) for t in range(r)]
    assert taps_inside(size, out, r, padding) == sum(inside)


def test_use_overrides_the_rule():
    with use("direct"):
        assert choice(64, 64, 64, 24, 3, 1) == "direct"
    with use("im2col"):
        assert choice(64, 64, 64, 24, 3, 1) == "im2col"
        with use("winograd"):
            assert choice(2, 1, 1, 24, 3, 1) == "winograd 4x4"
            assert choice(2, 1, 1, 24, 7, 1) == "direct"
        assert choice(64, 64, 64, 24, 3, 1) == "im2col"
    assert choice(64, 64, 64, 24, 3, 1) == "winograd 4x4"


@pytest.mark.parametrize("algorithm", ["direct", "im2col", "winograd"])
def test_each_algorithm_gives_the_same_layer(rng, monkeypatch, algorithm):
    """y, dx and dw, and that it is this algorithm which computed them."""
    x, w, dy = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2, 5, 6), (3, 2, 3, 3), (3, 3, 5, 6)))
    options = ONE, ONE, ONE, 1
    want = (
        conv2d.reference(x, w, None, *options),
        conv2d_input_grad.reference(dy, w, (5, 6), *options),
        conv2d_weight_grad.reference(dy, x, (3, 3), *options),
    )
    calls = watch(monkeypatch)
    with use(algorithm):
        got = (
            conv2d(x, w, None, *options),
            conv2d_input_grad(dy, w, (5, 6), *options),
            conv2d_weight_grad(dy, x, (3, 3), *options),
        )
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    assert calls == {"direct": ["direct"] * 3, "im2col": ["im2col"] * 3, "winograd": ["winograd"] * 3}[algorithm]


def test_filters_of_five_go_along_the_rows(rng, monkeypatch):
    """y, dx and dw of a layer with few channels."""
    options = ONE, (2, 2), ONE, 1
    x, w, dy = (
        rng.standard_normal(shape).astype(np.float32) for shape in ((16, 16, 8, 8), (16, 16, 5, 5), (16, 16, 8, 8))
    )
    want = (
        conv2d.reference(x, w, None, *options),
        conv2d_input_grad.reference(dy, w, (8, 8), *options),
        conv2d_weight_grad.reference(dy, x, (5, 5), *options),
    )
    calls = watch(monkeypatch)
    got = (
        conv2d(x, w, None, *options),
        conv2d_input_grad(dy, w, (8, 8), *options),
        conv2d_weight_grad(dy, x, (5, 5), *options),
    )
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())
    assert calls == ["rows"] * 3


def watch(monkeypatch):
    """A list of which algorithm each convolution from now on uses."""
    calls = []

    def noting(name, function):
        return lambda *args: calls.append(name) or function(*args)

    for pass_name in ("conv2d", "conv2d_input_grad", "conv2d_weight_grad"):
        for name, suffix in (("winograd", ""), ("rows", "_rows")):
            function = f"{pass_name}_winograd{suffix}"
            monkeypatch.setattr(cpu, function, noting(name, getattr(cpu, function)))
        module = cpu.weight_grad if pass_name == "conv2d_weight_grad" else cpu.positions
        function = f"{pass_name}_cpu"
        monkeypatch.setattr(module, function, noting("direct", getattr(module, function)))
    monkeypatch.setattr(cpu, "matmul", noting("im2col", cpu.matmul))
    return calls


def test_the_weight_gradient_asks_for_itself(rng, monkeypatch):
    asked = []
    monkeypatch.setattr(cpu, "choose", lambda *args: asked.append(args[7:]) or "direct")
    x, w, dy = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2, 5, 6), (3, 2, 3, 3), (3, 3, 5, 6)))
    conv2d(x, w, None, ONE, ONE, ONE, 1)
    conv2d_input_grad(dy, w, (5, 6), ONE, ONE, ONE, 1)
    conv2d_weight_grad(dy, x, (3, 3), ONE, ONE, ONE, 1)
    assert asked == [(), ("dx",), ("dw",)]


@pytest.mark.parametrize("special", [np.nan, np.inf])
@pytest.mark.parametrize("r", [3, 5])
def test_filters_that_are_not_finite_go_where_the_reference_lets_them(rng, r, special):
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2, 5, 6), (3, 2, r, r)))
    w[1, 0, 0, 0] = special
    with use("winograd"), np.errstate(all="ignore"):
        y = conv2d(x, w, None, ONE, ONE, ONE, 1)
        dx = conv2d_input_grad(y[:, [0, 2, 2]] * 0 + 1, w, (5, 6), ONE, ONE, ONE, 1)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(y, conv2d.reference(x, w, None, ONE, ONE, ONE, 1), rtol=0, atol=2e-5)
        want = conv2d_input_grad.reference(np.ones_like(y), w, (5, 6), ONE, ONE, ONE, 1)
    np.testing.assert_allclose(dx, want, rtol=0, atol=2e-5)


def test_a_sum_that_overflows_counts_as_not_finite():
    assert cpu.all_finite(np.ones((2, 3), np.float32))
    assert not cpu.all_finite(np.array([1, np.nan], np.float32))
    assert not cpu.all_finite(np.array([np.inf, -np.inf], np.float32))
    assert not cpu.all_finite(np.array([3e38, 3e38], np.float32))


def test_the_gradient_of_many_filters_on_a_small_map_does_without_large_sums():
    """512 x 512 filters: Winograd's sums would take 38 MB, for a gain of a fifth; on larger maps it gains more."""
    small, large = (choice(64, 512, 512, H, 3, 1, result="dw") for H in (3, 12))
    assert small == "direct"
    assert large == "winograd 4x4"
