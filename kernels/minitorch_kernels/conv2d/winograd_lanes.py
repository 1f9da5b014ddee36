"""Vectors of float32 as values: what the transforms of `winograd_transforms` add and multiply.

    d0, d2 = load(x, at), load(x, at + 2 * step)
    store(V, to, d0 - 2.5 * d2)

The functions here are the specification: a vector is a short NumPy array. Compiled callers get the machine's vector
registers instead (`winograd_code`), because a compiler that is given loops over memory cannot know that source and
target never overlap, and then uses no vectors at all.
"""

from __future__ import annotations

import numpy as np

from ..jit import when_numba_loads
from ..vector import vector_bytes

HEIGHT = 4  # rows of the panels that `interleave` writes, for `multiply_tile`


def vector_lanes() -> int:
    """Numbers in a vector."""
    return vector_bytes() // 4


def load(array, at):
    """The vector array[at], array[at + 1], ..."""
    return array[at : at + vector_lanes()].copy()


def store(array, at, vector):
    """array[at], array[at + 1], ... = the vector."""
    array[at : at + vector_lanes()] = vector


def load_first(array, at, lanes):
    """A vector whose first `lanes` numbers are array[at], array[at + 1], ...; the rest is 0, and its memory unread."""
    vector = np.zeros(vector_lanes(), np.float32)
    vector[:lanes] = array[at : at + lanes]
    return vector


def store_first(array, at, vector, lanes):
    """array[at], array[at + 1], ... = the first `lanes` numbers of the vector; no other memory is written."""
    array[at : at + lanes] = vector[:lanes]


def prefetch(array, at):
    """Ask for the memory of array[at], which is needed soon; `at` may lie outside of the array."""


def splat(number):
    """A vector with the float32 `number` everywhere."""
    return np.full(vector_lanes(), number, np.float32)


def transpose(source, at, step, target, to, out_step):
    """A square of vectors: target[to + i out_step + j] = source[at + j step + i]."""
    for i in range(vector_lanes()):
        for j in range(vector_lanes()):
            target[to + i * out_step + j] = source[at + j * step + i]


def interleave(source, at, step, target, to):
    """HEIGHT vectors, one after the other in each place: target[to + i HEIGHT + j] = source[at + j step + i]."""
    for i in range(vector_lanes()):
        for j in range(HEIGHT):
            target[to + i * HEIGHT + j] = source[at + j * step + i]


@when_numba_loads
def use_vector_registers() -> None:
    from . import winograd_code

    winograd_code.register_memory(load, store, load_first, store_first, prefetch)
    winograd_code.register_arithmetic(splat)
    winograd_code.register_shuffles(transpose, interleave)
