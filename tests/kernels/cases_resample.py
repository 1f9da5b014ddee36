"""Arguments for resampling: `CASES[name]` lists functions (rng, dtype) -> arguments."""

import numpy as np


def normal(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def mostly_zeros(rng, shape, dtype):
    """Weights with gaps between them, and rows without any."""
    return normal(rng, shape, dtype) * (rng.random(shape) < 0.5)


def copies(rng, shape, dtype):
    """One element for each row."""
    return np.eye(shape[1], dtype=dtype)[rng.integers(0, shape[1], shape[0])]


def neighbours(rng, shape, dtype):
    """Two weights side by side in each row."""
    first = np.sort(rng.integers(0, shape[1] - 1, shape[0]))
    share = rng.random((shape[0], 1))
    eye = np.eye(shape[1])
    return ((1 - share) * eye[first] + share * eye[first + 1]).astype(dtype)


def resampling(x, out, weights):
    def case(rng, dtype):
        return normal(rng, x, dtype), *(weights(rng, (o, n), dtype) for o, n in zip(out, x[2:]))

    return case


def gradient(x, out, weights):
    def case(rng, dtype):
        return normal(rng, (*x[:2], *out), dtype), *(weights(rng, (o, n), dtype).T for o, n in zip(out, x[2:]))

    return case


SHAPES = [
    ((2, 2, 3, 4), (5, 7)),
    ((17, 1, 4, 5), (2, 3)),
    ((1, 2, 2, 2), (4, 1)),
    ((1, 3, 3, 2), (3, 4)),
    ((0, 2, 3, 3), (2, 5)),
]

CASES = {
    "resample2d": [
        make(*shapes, weights)
        for shapes in SHAPES
        for weights in (neighbours, copies, mostly_zeros)
        for make in (resampling, gradient)
    ]
}
LARGE = {"resample2d": [resampling((19, 5, 20, 23), (41, 40), neighbours), gradient((64, 8, 20, 21), (9, 50), copies)]}
