"""Arguments for the kernels on images: `CASES[name]` lists functions (rng, dtype) -> arguments."""

from functools import partial

import numpy as np

from minitorch_kernels.images.gather import windows


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


def gather_images(rng, dtype, shape=(5, 2, 7, 6), size=(4, 8), resized=(6, 5), N=3, first=2, alike=False, boxes=True):
    """Views that are mirrored and hang over the edges."""
    M, C, H, W = shape
    S = first + N + 1
    count = 1 if alike else S
    box = boxes_inside(rng, count, H, W) if boxes else np.tile([0, 0, H, W], (count, 1))
    steps = rng.choice([-1, 1], (count, 2))
    starts = np.where(steps > 0, 0, np.array(resized) - 1) + rng.integers(-2, 3, (count, 2))
    views = np.stack([*box.T, starts[:, 0], steps[:, 0], starts[:, 1], steps[:, 1]], axis=1)
    tones = rng.standard_normal((C, 256)).astype(dtype)
    tables = windows(H, resized[0]), windows(W, resized[1])
    return pixels(rng, shape, np.uint8), rng.integers(0, M, S), np.array([first]), views, *tables, tones, N, size


def gather_labels(rng, dtype, labels=7, S=11, first=4, N=3, end=11):
    return rng.integers(0, 10, labels), rng.integers(0, labels, S), np.array([first]), N, end


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
    "gather_images": [
        gather_images,
        partial(gather_images, shape=(4, 1, 5, 5), size=(5, 5), resized=(5, 5), boxes=False),  # only moved
        partial(gather_images, shape=(3, 3, 3, 4), size=(9, 7), resized=(9, 7), alike=True, boxes=False),  # grows
        partial(gather_images, shape=(3, 1, 9, 8), size=(2, 3), resized=(2, 3)),  # shrinks
        partial(gather_images, shape=(2, 3, 1, 1), size=(2, 2), resized=(3, 2), N=1, first=0),
        partial(gather_images, N=0),
    ],
    "gather_labels": [
        gather_labels,
        partial(gather_labels, first=8),  # the last batch of the order
        partial(gather_labels, first=3, end=6, N=3),  # the last whole one
        partial(gather_labels, first=3, N=1),
        partial(gather_labels, first=0, N=0),
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

IN_PLACE = {"gather_labels": (2,)}

LARGE = {
    "adjust_color": [
        partial(adjust_color, shape=(9, 3, 40, 33)),
        partial(adjust_color, shape=(9, 3, 40, 33), as_bytes=True),
    ],
    "gather_images": [partial(gather_images, shape=(30, 3, 28, 28), size=(40, 40), resized=(42, 42), N=40)],
    "resample": [partial(resample, shape=(9, 3, 40, 33), size=(31, 50), as_bytes=True)],
    "take_pixels": [partial(take_pixels, shape=(40, 3, 20, 20), size=(30, 30))],
}
