"""Arguments for the sums of channels: one value, odd counts, any strides, no images, more than one block and part."""

import numpy as np


def images(*shape):
    return lambda rng, dtype: (rng.standard_normal(shape).astype(dtype),)


def batch_last(rng, dtype):
    return (np.moveaxis(rng.standard_normal((3, 5, 4, 7)).astype(dtype), -1, 0),)


def not_finite(rng, dtype):
    x = np.ones((4, 4, 3, 3), dtype)
    x[1, 0, 2, 1] = np.nan
    x[2, 1, 0, 0] = np.inf
    x[0, 2, 0, 0] = -np.inf
    return (x,)


CASES = {
    "channel_sum": [images(1, 1, 1, 1), images(3, 2, 5, 7), images(0, 2, 3, 3), images(4, 3), batch_last, not_finite]
}
LARGE = {"channel_sum": [images(33, 3, 30, 31), images(200, 2, 17, 16)]}
