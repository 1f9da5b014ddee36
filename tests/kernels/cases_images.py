"""Arguments for the kernels on images: `CASES[name]` lists functions (rng, dtype) -> arguments."""

from functools import partial

import numpy as np


def pixels(rng, shape, dtype):
    """Bytes from 0 to 255, or floats from 0 to 1."""
    return rng.integers(0, 256, shape).astype(dtype) if dtype == np.uint8 else rng.random(shape).astype(dtype)


def boxes_inside(rng, count, H, W):
    """Random boxes of at least one pixel, int64 (N, 4)."""
    height, width = rng.integers(1, H + 1, count), rng.integers(1, W + 1, count)
    return np.stack([rng.integers(0, H - height + 1), rng.integers(0, W - width + 1), height, width], 1)


def resample(rng, dtype, shape=(3, 2, 7, 5), size=(4, 6), as_bytes=False, whole=False):
    images = pixels(rng, shape, np.uint8 if as_bytes else dtype)
    boxes = boxes_inside(rng, shape[0], *shape[2:])
    return images, np.tile([0, 0, *shape[2:]], (shape[0], 1)) if whole else boxes, size


def take_pixels(rng, dtype, shape=(3, 2, 4, 5), size=(3, 6), as_bytes=False):
    images = pixels(rng, shape, np.uint8 if as_bytes else dtype)
    rows, cols = (rng.integers(-1, old, (shape[0], new)) for old, new in zip(shape[2:], size))
    return images, rows, cols, pixels(rng, shape[1], images.dtype)


def adjust_color(rng, dtype, shape=(4, 3, 4, 5), as_bytes=False, grays=False):
    images = pixels(rng, shape, np.uint8 if as_bytes else dtype)
    if grays:
        images[:, 1:] = images[:, :1]
    N = shape[0]
    factors = np.concatenate([rng.uniform(0, 2, (N, 3)), rng.uniform(-0.5, 0.5, (N, 1))], axis=1)
    factors[:1] = [1, 1, 1, 0]
    order = rng.permuted(np.tile(np.arange(4), (N, 1)), axis=1)
    return images, factors.astype(np.float32 if as_bytes else dtype), order


def few_colors(rng, dtype, as_bytes=False):
    """Channels that are equal, black and white: where the hue has no place, or two."""
    images, factors, order = adjust_color(rng, dtype, (6, 3, 4, 4), as_bytes)
    images[...] = rng.integers(0, 2, images.shape) * (255 if as_bytes else 1)
    return images, factors, order


CASES = {
    "adjust_color": [
        adjust_color,
        partial(adjust_color, as_bytes=True),
        partial(adjust_color, shape=(5, 1, 3, 4)),
        partial(adjust_color, shape=(5, 1, 3, 4), as_bytes=True),
        partial(adjust_color, grays=True),
        few_colors,
        partial(few_colors, as_bytes=True),
        partial(adjust_color, shape=(2, 3, 1, 1)),
        partial(adjust_color, shape=(0, 3, 4, 4)),
    ],
    "resample": [
        resample,
        partial(resample, as_bytes=True),
        partial(resample, shape=(2, 1, 9, 8), size=(2, 3), whole=True),  # shrinks
        partial(resample, shape=(2, 1, 9, 8), size=(2, 3), whole=True, as_bytes=True),
        partial(resample, shape=(2, 3, 3, 2), size=(7, 9), whole=True, as_bytes=True),  # grows
        partial(resample, shape=(2, 1, 5, 4), size=(5, 4), whole=True),  # stays
        partial(resample, shape=(2, 1, 1, 1), size=(2, 3)),
        partial(resample, shape=(2, 1, 6, 4), size=(1, 1), as_bytes=True),
        partial(resample, shape=(0, 3, 4, 4), size=(2, 2)),
    ],
    "take_pixels": [
        take_pixels,
        partial(take_pixels, as_bytes=True),
        partial(take_pixels, shape=(1, 1, 1, 1), size=(2, 2)),
        partial(take_pixels, shape=(0, 3, 2, 2)),
        partial(take_pixels, shape=(2, 3, 0, 2)),
    ],
}

LARGE = {
    "adjust_color": [
        partial(adjust_color, shape=(9, 3, 40, 33)),
        partial(adjust_color, shape=(9, 3, 40, 33), as_bytes=True),
    ],
    "resample": [partial(resample, shape=(9, 3, 40, 33), size=(31, 50), as_bytes=True)],
    "take_pixels": [partial(take_pixels, shape=(40, 3, 20, 20), size=(30, 30))],
}
