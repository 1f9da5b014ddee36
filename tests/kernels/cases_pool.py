"""Arguments for the pooling kernels: `CASES[name]` lists functions (rng, dtype) -> arguments."""

import numpy as np

from minitorch_kernels.adaptive_pool2d import adaptive_max_pool2d_reference
from minitorch_kernels.max_pool2d import max_pool2d_reference
from minitorch_kernels.pool_windows import pooled_shape

ONE, NONE = (1, 1), (0, 0)

# shape of x, kernel, stride, padding, dilation, ceil_mode
GEOMETRIES = [
    ((3, 2, 6, 6), (2, 2), (2, 2), NONE, ONE, False),
    ((17, 2, 5, 4), (3, 2), (2, 1), (1, 0), ONE, False),
    ((1, 3, 7, 7), (2, 3), (3, 4), NONE, ONE, False),  # stride > kernel: some cells are in no window
    ((1, 1, 4, 3), (4, 3), (1, 1), NONE, ONE, False),  # kernel = input
    ((3, 1, 2, 3), ONE, ONE, NONE, ONE, False),
    ((2, 2, 6, 5), (3, 3), (2, 2), (1, 1), ONE, False),  # sizes that the stride does not divide, both ways
    ((2, 2, 6, 5), (3, 3), (2, 2), (1, 1), ONE, True),
    ((3, 1, 5, 6), (2, 2), (3, 3), (1, 1), ONE, True),  # the window begun in the right padding is dropped
    ((1, 1, 4, 4), (5, 5), (2, 2), NONE, ONE, True),  # wider than the input, which ceil_mode allows
    ((0, 2, 4, 4), (2, 2), (2, 2), NONE, ONE, False),
]
# Windows that tile the input, for a batch that fills a vector: a loop of their own
TILES = [
    ((9, 2, 6, 6), (2, 2), (2, 2), NONE, False),
    ((8, 1, 5, 4), (2, 3), (2, 3), NONE, True),  # the last windows are smaller
    ((8, 2, 9, 8), (9, 8), ONE, NONE, False),  # so large that the sum runs in float64
    ((8, 1, 5, 7), (2, 3), (2, 3), NONE, False),  # not quite: cells at the ends are in no window
]
DILATED = [
    ((3, 2, 7, 7), (2, 2), (1, 2), NONE, (3, 2), False),
    ((2, 1, 6, 7), (3, 3), (2, 2), (1, 0), (2, 2), True),
    ((2, 1, 1, 3), (2, 2), ONE, ONE, (2, 2), False),  # windows that meet no input cell
]
WIDE = [  # windows of 255 places, the most that a byte can tell from none, and of 256
    ((2, 1, 19, 16), (17, 15), ONE, NONE, ONE, False),
    ((2, 1, 18, 17), (16, 16), ONE, NONE, ONE, False),
]
WIDE_ADAPTIVE = [((2, 1, 17, 31), (2, 2))]
ADAPTIVE = [  # shape of x, output size
    ((3, 2, 6, 6), ONE),
    ((17, 1, 6, 6), (3, 2)),
    ((1, 2, 5, 7), (3, 4)),  # windows overlap
    ((2, 1, 3, 2), (5, 2)),  # more windows than cells
    ((2, 1, 4, 4), (4, 4)),
    ((8, 2, 6, 6), (3, 2)),
    ((0, 2, 4, 4), (2, 2)),
]


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def few_values(rng, shape, dtype):
    """Ties in nearly every window."""
    return rng.integers(0, 3, shape).astype(dtype)


def only_minus_infinity(rng, shape, dtype):
    return np.full(shape, -np.inf, dtype)


def with_nan_and_infinity(rng, shape, dtype):
    x = normal(rng, shape, dtype)
    x[rng.random(shape) < 0.15] = np.nan
    x[rng.random(shape) < 0.15] = -np.inf
    return x


def with_nan(rng, shape, dtype):
    x = normal(rng, shape, dtype)
    x[rng.random(shape) < 0.1] = np.nan
    return x


def max_case(shape, *geometry, values):
    return lambda rng, dtype: (values(rng, shape, dtype), *geometry)


def max_grad_case(shape, *geometry, values):
    def arguments(rng, dtype):
        y, places = max_pool2d_reference(values(rng, shape, dtype), *geometry)
        return normal(rng, y.shape, dtype), places, shape[2:], *geometry[:4]

    return arguments


def avg_case(shape, kernel, stride, padding, ceil_mode, *, count_include_pad, divisor, values):
    options = (kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    return lambda rng, dtype: (values(rng, shape, dtype), *options)


def avg_grad_case(shape, kernel, stride, padding, ceil_mode, *, count_include_pad, divisor, values):
    pooled = pooled_shape("avg_pool2d", shape[2:], kernel, stride, padding, ONE, ceil_mode)
    options = (shape[2:], kernel, stride, padding, ceil_mode, count_include_pad, divisor)
    return lambda rng, dtype: (values(rng, (*shape[:2], *pooled), dtype), *options)


def activation_case(activation, *geometry, **options):
    plain = avg_case(*geometry, **options)

    def arguments(rng, dtype):
        x, *pooling = plain(rng, dtype)
        return x, activation, *pooling

    return arguments


def activation_grad_case(activation, shape, *geometry, **options):
    plain = avg_grad_case(shape, *geometry, **options)

    def arguments(rng, dtype):
        dy, *pooling = plain(rng, dtype)
        return dy, rng.uniform(-1, 1, shape).astype(dtype), activation, *pooling

    return arguments


def adaptive_case(shape, output_size, values):
    return lambda rng, dtype: (values(rng, shape, dtype), output_size)


def adaptive_max_grad_case(shape, output_size):
    def arguments(rng, dtype):
        y, places = adaptive_max_pool2d_reference(normal(rng, shape, dtype), output_size)
        return normal(rng, y.shape, dtype), places, shape[2:]

    return arguments


SPECIAL = [few_values, only_minus_infinity, with_nan_and_infinity]
AVERAGES = [
    (*geometry[:4], geometry[5], {"count_include_pad": count_include_pad, "divisor": divisor})
    for geometry in GEOMETRIES
    for count_include_pad, divisor in ((True, None), (False, None), (True, 3))
]
TILE_AVERAGES = [(*tile, {"count_include_pad": True, "divisor": divisor}) for tile in TILES for divisor in (None, 3)]
AVERAGES += TILE_AVERAGES

CASES = {
    "max_pool2d": [max_case(*geometry, values=normal) for geometry in GEOMETRIES + DILATED + WIDE]
    + [max_case(*geometry, values=values) for geometry in (GEOMETRIES[1], DILATED[1]) for values in SPECIAL],
    "max_pool2d_grad": [max_grad_case(*geometry, values=normal) for geometry in GEOMETRIES + DILATED + WIDE]
    + [max_grad_case(*geometry, values=few_values) for geometry in (GEOMETRIES[1], DILATED[1])],
    "avg_pool2d": [avg_case(*geometry, **options, values=normal) for *geometry, options in AVERAGES]
    + [avg_case(*geometry, **options, values=with_nan) for *geometry, options in AVERAGES[3:6]],
    "avg_pool2d_grad": [avg_grad_case(*geometry, **options, values=normal) for *geometry, options in AVERAGES]
    + [avg_grad_case(*geometry, **options, values=with_nan) for *geometry, options in AVERAGES[3:6]],
    "activation_avg_pool2d": [
        activation_case(activation, *geometry, **options, values=values)
        for activation in ("relu", "sigmoid", "tanh")
        for *geometry, options in AVERAGES[::4] + TILE_AVERAGES
        for values in (normal, with_nan)
    ],
    "activation_avg_pool2d_grad": [
        activation_grad_case(activation, *geometry, **options, values=normal)
        for activation in ("relu", "sigmoid", "tanh")
        for *geometry, options in AVERAGES[::4] + TILE_AVERAGES
    ],
    "adaptive_avg_pool2d": [adaptive_case(*sizes, values) for sizes in ADAPTIVE for values in (normal, with_nan)],
    "adaptive_avg_pool2d_grad": [
        lambda rng, dtype, shape=shape, output_size=output_size: (
            normal(rng, (*shape[:2], *output_size), dtype),
            shape[2:],
        )
        for shape, output_size in ADAPTIVE
    ],
    "adaptive_max_pool2d": [
        adaptive_case(*sizes, values)
        for sizes in [*ADAPTIVE, *WIDE_ADAPTIVE]
        for values in (normal, few_values, with_nan_and_infinity)
    ],
    "adaptive_max_pool2d_grad": [adaptive_max_grad_case(*sizes) for sizes in [*ADAPTIVE, *WIDE_ADAPTIVE]],
}
