"""Arguments for the rectifier: ties at zero, no elements, more than one chunk."""

import numpy as np


def values(rng, dtype, *shape):
    """Numbers of which about a third are exactly 0."""
    return np.where(rng.random(shape) < 0.3, 0, rng.standard_normal(shape)).astype(dtype)


CASES = {
    "relu": [
        lambda rng, dtype: (values(rng, dtype, 3, 4, 5),),
        lambda rng, dtype: (values(rng, dtype, 0, 4),),
        lambda rng, dtype: (values(rng, dtype),),
    ],
    "relu_grad": [
        lambda rng, dtype: (values(rng, dtype, 3, 4, 5), values(rng, dtype, 3, 4, 5)),
        lambda rng, dtype: (values(rng, dtype, 0, 4), values(rng, dtype, 0, 4)),
        lambda rng, dtype: (np.array([np.inf, np.inf, 1], dtype), np.array([0, 1, np.nan], dtype)),
    ],
}

LARGE = {
    "relu": [lambda rng, dtype: (values(rng, dtype, 50, 1000),)],
    "relu_grad": [lambda rng, dtype: (values(rng, dtype, 50, 1000), values(rng, dtype, 50, 1000))],
}
