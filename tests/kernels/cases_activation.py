"""Arguments for the activation functions, sums and joins: zeros, no elements, more than one chunk."""

import numpy as np


def values(rng, dtype, *shape):
    """Numbers of which about a third are exactly 0."""
    return np.where(rng.random(shape) < 0.3, 0, rng.standard_normal(shape)).astype(dtype)


def alone(*sizes):
    """Cases of one array."""
    return [lambda rng, dtype, shape=shape: (values(rng, dtype, *shape),) for shape in sizes]


def pairs(*sizes):
    """Cases of two arrays of one shape."""
    return [lambda rng, dtype, shape=shape: (values(rng, dtype, *shape), values(rng, dtype, *shape)) for shape in sizes]


def far_out(rng, dtype):
    """Where exponentials overflow and results vanish."""
    return (np.array([-1e4, -710, -708, -89, -88, -87, -20, 0, 20, 87, 89, 710, 1e4], dtype),)


def infinite_gradient(rng, dtype):
    """An infinite gradient at a closed, an open and an undefined gate."""
    return np.array([np.inf, np.inf, 1], dtype), np.array([0, 1, np.nan], dtype)


SMALL, BIG = [(3, 4, 5), (0, 4), ()], [(50, 1000)]

CASES = {
    "join": [
        lambda rng, dtype, dim=dim: (dim, values(rng, dtype, 3, 2, 4), values(rng, dtype, 3, 2, 4)) for dim in range(3)
    ],
    "add": pairs(*SMALL),
    "add_into": pairs(*SMALL),
    "relu": alone(*SMALL),
    "relu_grad": [*pairs(*SMALL), infinite_gradient],
    "sigmoid": [*alone(*SMALL), far_out],
    "sigmoid_grad": pairs(*SMALL),
    "tanh": [*alone(*SMALL), far_out],
    "tanh_grad": pairs(*SMALL),
}

LARGE = {
    "add": pairs(*BIG),
    "add_into": pairs(*BIG),
    "relu": alone(*BIG),
    "relu_grad": pairs(*BIG),
    "sigmoid": alone(*BIG),
    "sigmoid_grad": pairs(*BIG),
    "tanh": alone(*BIG),
    "tanh_grad": pairs(*BIG),
}

IN_PLACE = {"add_into": (0,)}
