"""What moves and resamples pixels, against PyTorch: outputs and all gradients over grids of shapes and options."""

from itertools import product

import numpy as np
import pytest

import minitorch_cv as mt

from .compare import compare, torch
from .test_layers import compare_modules

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def normal(*shape, dtype=np.float64):
    return RNG.standard_normal(shape).astype(dtype)


def both(option):
    return option if isinstance(option, tuple) else (option, option)


# -- channels and pixels in other places -------------------------------------------------------------------------------


@DTYPES
@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (1, 6, 4), (2, 6, 2, 2, 2), (0, 6, 2, 2)], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_channel_shuffle(shape, groups, dtype):
    compare(lambda t, x: t.nn.functional.channel_shuffle(x, groups), normal(*shape, dtype=dtype))


@DTYPES
@pytest.mark.parametrize("lead", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("r", [1, 2, 3])
def test_pixel_shuffle(lead, r, dtype):
    small, large = normal(*lead, 2 * r**2, 2, 3, dtype=dtype), normal(*lead, 2, 2 * r, 3 * r, dtype=dtype)
    compare(lambda t, x: t.nn.functional.pixel_shuffle(x, r), small)
    compare(lambda t, x: t.nn.functional.pixel_unshuffle(x, r), large)


SHUFFLES = {
    "channels": lambda t: t.nn.ChannelShuffle(2),
    "pixels": lambda t: t.nn.PixelShuffle(2),
    "pixels back": lambda t: t.nn.PixelUnshuffle(2),
}


@pytest.mark.parametrize("name", SHUFFLES)
def test_shuffle_layers(name):
    compare_modules(SHUFFLES[name], normal(2, 4, 6, 4))


def test_lazy_conv_transpose2d_has_the_same_state_once_it_knows_its_size():
    def build(t):
        layer = t.nn.LazyConvTranspose2d(4, 3, stride=2)
        layer(t.zeros(2, 3, 5, 5))
        return layer

    compare_modules(build, normal(4, 3, 5, 5))


def test_shuffles_of_memory_in_other_orders():
    x = normal(4, 3, 2, 8)
    compare(lambda t, x: t.nn.functional.channel_shuffle(x.permute(2, 3, 0, 1), 4), x)
    compare(lambda t, x: t.nn.functional.pixel_shuffle(x.permute(2, 3, 0, 1), 2), x)
    compare(lambda t, x: t.nn.functional.pixel_unshuffle(x[:, :, :, ::2].permute(1, 2, 0, 3), 2), x)


@pytest.mark.parametrize(
    ("name", "shape", "factor"),
    [
        ("channel_shuffle", (2, 6), 2),
        ("channel_shuffle", (2, 6, 4), 4),
        ("channel_shuffle", (2, 6, 4), 0),
        ("pixel_shuffle", (4, 4), 2),
        ("pixel_shuffle", (6, 4, 4), 2),
        ("pixel_shuffle", (4, 4, 4), -2),
        ("pixel_unshuffle", (4, 4), 2),
        ("pixel_unshuffle", (1, 3, 4), 2),
        ("pixel_unshuffle", (1, 4, 4), 0),
    ],
)
def test_shuffles_refuse_what_pytorch_refuses(name, shape, factor):
    for t in (torch, mt):
        with pytest.raises(RuntimeError):
            getattr(t.nn.functional, name)(t.zeros(shape), factor)


# -- transposed convolution --------------------------------------------------------------------------------------------

TRANSPOSED = [
    options
    for options in product((1, 2, (2, 3)), (0, 1, (0, 2)), (0, 1, (0, 2)), (1, 2), (1, (2, 3)))
    if all(e < max(s, d) for e, s, d in zip(both(options[2]), both(options[0]), both(options[4])))
]


@pytest.mark.parametrize(("stride", "padding", "output_padding", "groups", "dilation"), TRANSPOSED)
def test_conv_transpose2d(stride, padding, output_padding, groups, dilation):
    x, w, b = normal(2, 4, 3, 4), normal(4, 6 // groups, 3, 2), normal(6)
    options = (stride, padding, output_padding, groups, dilation)
    compare(lambda t, x, w, b: t.nn.functional.conv_transpose2d(x, w, b, *options), x, w, b)


@DTYPES
@pytest.mark.parametrize(
    ("x", "w", "options"),
    [
        ((3, 4, 5), (3, 2, 3, 3), {"stride": 2}),
        ((0, 3, 4, 5), (3, 2, 3, 3), {"stride": 2, "padding": 1}),
        ((17, 3, 4, 4), (3, 2, 3, 3), {"stride": 2, "output_padding": 1}),
        ((2, 3, 1, 1), (3, 2, 4, 4), {"stride": 4}),
        ((2, 4, 3, 3), (4, 1, 2, 2), {"stride": 2, "groups": 4}),
    ],
    ids=str,
)
def test_conv_transpose2d_shapes(x, w, options, dtype):
    x, w = normal(*x, dtype=dtype), normal(*w, dtype=dtype)
    compare(lambda t, x, w: t.nn.functional.conv_transpose2d(x, w, **options), x, w)


def test_conv_transpose2d_of_memory_in_other_orders():
    x, w = normal(3, 4, 2, 6), normal(2, 3, 2, 4)
    compare(lambda t, x, w: t.nn.functional.conv_transpose2d(x.permute(1, 2, 3, 0)[:, :, ::2], w), x, w)
    compare(lambda t, x, w: t.nn.functional.conv_transpose2d(x.permute(3, 2, 0, 1), w.transpose(2, 3), stride=2), x, w)


CONV_TRANSPOSE_LAYERS = {
    "plain": lambda t: t.nn.ConvTranspose2d(6, 4, 3),
    "all options": lambda t: t.nn.ConvTranspose2d(6, 4, (3, 2), (2, 3), (1, 0), (1, 2), 2, False, (2, 1)),
}


@pytest.mark.parametrize("name", CONV_TRANSPOSE_LAYERS)
def test_conv_transpose2d_layers(name):
    compare_modules(CONV_TRANSPOSE_LAYERS[name], normal(2, 6, 4, 3))
    assert repr(CONV_TRANSPOSE_LAYERS[name](mt)) == repr(CONV_TRANSPOSE_LAYERS[name](torch))


@pytest.mark.parametrize("size", [(8, 9), (1, 3, 7, 10), (7, 8), (9, 9), (8,)])
def test_conv_transpose2d_output_size(size):
    """The same shape or the same kind of error."""

    def outcome(t):
        layer = t.nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
        try:
            return tuple(layer(t.ones(1, 2, 4, 5), output_size=size).shape)
        except ValueError:
            return ValueError

    assert outcome(mt) == outcome(torch)


# -- interpolation -----------------------------------------------------------------------------------------------------

SIZES = [{"size": size} for size in (1, 2, 5, 10, (3, 7), (10, 4), (4, 13))]
SCALES = [
    {"scale_factor": scale, "recompute_scale_factor": again}
    for scale in (0.3, 0.5, 1, 1.1, 1.4, 2, 2.3, (3, 0.7), (1, 2))
    for again in (None, True)
]
MODES = [
    {"mode": "nearest"},
    {"mode": "nearest-exact"},
    {"mode": "area"},
    {"mode": "bilinear"},
    {"mode": "bilinear", "align_corners": False},
    {"mode": "bilinear", "align_corners": True},
]


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("size", SIZES + SCALES, ids=str)
@DTYPES
def test_interpolate(size, mode, dtype):
    compare(lambda t, x: t.nn.functional.interpolate(x, **size, **mode), normal(2, 3, 5, 7, dtype=dtype))


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_interpolate_chooses_the_same_of_two_that_are_as_near(mode):
    for n, out in product((1, 2, 3, 5, 7, 10, 23, 49), (1, 2, 3, 5, 10, 46, 49, 98, 123, 160, 343)):
        x = np.arange(float(n), dtype=np.float32).reshape(1, 1, 1, n)
        compare(lambda t, x, out=out: t.nn.functional.interpolate(x, (1, out), mode=mode), x)
    for n, scale in product((3, 5, 7, 23), (0.7, 1.1, 1.2, 3.7, 41)):
        x = np.arange(float(n), dtype=np.float32).reshape(1, 1, 1, n)
        compare(lambda t, x, s=scale: t.nn.functional.interpolate(x, scale_factor=(1, s), mode=mode), x)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_interpolate_memory_in_other_orders(mode):
    x = normal(3, 4, 2, 6)
    compare(lambda t, x: t.nn.functional.interpolate(x.permute(1, 2, 3, 0)[:, :, ::2], (5, 4), mode=mode), x)
    compare(lambda t, x: t.nn.functional.interpolate(x.permute(3, 2, 0, 1), scale_factor=2, mode=mode), x)
    compare(lambda t, x: t.nn.functional.interpolate(x.expand(3, 2, 4, 5), 3, mode=mode), normal(1, 1, 4, 5))
    compare(lambda t, x: t.nn.functional.interpolate(x, scale_factor=2, mode=mode), normal(0, 2, 3, 3))


UPSAMPLING = {
    "Upsample": lambda t: t.nn.Upsample(scale_factor=2),
    "Upsample size": lambda t: t.nn.Upsample((3, 9), mode="bilinear"),
    "Upsample all": lambda t: t.nn.Upsample(None, (1.3, 2.6), "bilinear", False, True),
    "UpsamplingNearest2d": lambda t: t.nn.UpsamplingNearest2d(scale_factor=(2, 3)),
    "UpsamplingBilinear2d": lambda t: t.nn.UpsamplingBilinear2d(7),
}


@pytest.mark.parametrize("name", UPSAMPLING)
def test_upsampling_layers(name):
    compare_modules(UPSAMPLING[name], normal(2, 3, 4, 5))
    assert repr(UPSAMPLING[name](mt)) == repr(UPSAMPLING[name](torch))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 3, "scale_factor": 2},
        {"size": (3,)},
        {"size": (3.0, 2)},
        {"size": 0},
        {"scale_factor": 0.1},
        {"scale_factor": -1},
        {"scale_factor": (1, 2, 3)},
        {"size": 2, "recompute_scale_factor": True},
        {"size": 2, "align_corners": True},
        {"size": 2, "mode": "linear"},
        {"size": 2, "mode": "round"},
    ],
    ids=str,
)
def test_interpolate_refuses_what_pytorch_refuses(options):
    kinds = []
    for t in (torch, mt):
        with pytest.raises((ValueError, TypeError, RuntimeError, NotImplementedError)) as error:
            t.nn.functional.interpolate(t.zeros(1, 1, 4, 4), **options)
        kinds.append(error.type)
    assert kinds[0] is kinds[1]


# -- padding -----------------------------------------------------------------------------------------------------------

PADDING = {
    "ZeroPad2d": lambda t, widths: t.nn.ZeroPad2d(widths),
    "ConstantPad2d": lambda t, widths: t.nn.ConstantPad2d(widths, -1.5),
    "ReflectionPad2d": lambda t, widths: t.nn.ReflectionPad2d(widths),
    "ReplicationPad2d": lambda t, widths: t.nn.ReplicationPad2d(widths),
    "CircularPad2d": lambda t, widths: t.nn.CircularPad2d(widths),
}


@pytest.mark.parametrize(
    "widths", [0, 2, -1, (1, 2, 0, 3), (-1, 2, 1, -2), (3, -2, -1, -1), (0, 0, -1, 3), (4, 3, 3, 2)], ids=str
)
@pytest.mark.parametrize("name", PADDING)
def test_padding_layers(name, widths):
    for x in (normal(2, 3, 4, 5), normal(3, 4, 5)):
        compare_modules(lambda t: PADDING[name](t, widths), x)
    compare(lambda t, x: PADDING[name](t, widths)(x.permute(0, 3, 1, 2)), normal(2, 4, 5, 3, dtype=np.float32))
    assert repr(PADDING[name](mt, widths)) == repr(PADDING[name](torch, widths))


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("ZeroPad2d", (-3, -3, 0, 0)),
        ("ReflectionPad2d", (5, 0, 0, 0)),
        ("CircularPad2d", (6, 0, 0, 0)),
    ],
)
def test_padding_layers_refuse_what_pytorch_refuses(name, widths):
    for t in (torch, mt):
        with pytest.raises(RuntimeError):
            PADDING[name](t, widths)(t.zeros(2, 3, 4, 5))
