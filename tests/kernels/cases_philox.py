"""Arguments for the kernels that draw random numbers."""

from functools import partial

import numpy as np


def state(rng, dtype, seed=5, draw=3):
    return (np.array([seed, draw]),)


def dropout(rng, dtype, shape=(3, 2, 4), p=0.5, seed=5, draw=3):
    return np.array(rng.standard_normal(shape), dtype), np.array([seed, draw]), p


CASES = {
    "philox_key": [state, partial(state, seed=-1, draw=2**40)],
    "philox_dropout": [
        dropout,
        partial(dropout, p=0.0),
        partial(dropout, p=1.0),
        partial(dropout, shape=(3, 43), p=0.1),
        partial(dropout, shape=(129,), seed=-1, draw=2**40 + 1),
        partial(dropout, shape=()),
        partial(dropout, shape=(0, 3)),
        partial(dropout, shape=(2, 3, 5, 7), p=0.3, seed=2**62),
    ],
}

IN_PLACE = {"philox_key": (0,)}
