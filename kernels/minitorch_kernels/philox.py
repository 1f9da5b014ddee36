"""Random numbers that are a function of a counter, which a GPU can compute anywhere at once, and dropout by them.

A generator's state is an array (2,) of int64 in the GPU's memory: seed, and number of the next draw. Drawing counts it
up there, and the host learns nothing of it: a CUDA graph that is launched again draws other numbers.
Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.launch import dense, elements, launch
from .dropout import kept_scale
from .kernel import Kernel

GROUP = 128  # numbers that 32 neighbouring threads make, four each
FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
STEPS = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)


def philox4x32(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Philox4x32-10: counters (..., 4) and keys (..., 2) of uint32, broadcast -> random words (..., 4) of uint32."""
    a, b, c, d = np.moveaxis(counter, -1, 0)
    left, right = np.moveaxis(key, -1, 0)
    for _ in range(10):
        product, product2 = FACTORS[0] * a, FACTORS[1] * c  # of 64 bits
        a, b = high(product2) ^ b ^ left, low(product2)
        c, d = high(product) ^ d ^ right, low(product)
        with np.errstate(over="ignore"):
            left, right = left + STEPS[0], right + STEPS[1]
    return np.stack(np.broadcast_arrays(a, b, c, d), -1)


def low(product: np.ndarray) -> np.ndarray:
    return product.astype(np.uint32)


def high(product: np.ndarray) -> np.ndarray:
    return (product >> np.uint64(32)).astype(np.uint32)


def random_words(key: np.ndarray, n: int) -> np.ndarray:
    """The n words of uint32 of a draw; key (2,) is the generator's seed and the number of the draw."""
    seed, draw = (halves(number) for number in key.astype(np.int64))
    blocks = np.arange(-(-n // GROUP) * GROUP // 4)
    counters = np.stack([*halves(blocks), *(np.broadcast_to(half, blocks.shape) for half in draw)], -1)
    words = philox4x32(counters, np.stack(seed))
    return words.reshape(-1, GROUP // 4, 4).swapaxes(1, 2).reshape(-1)[:n]  # (groups, lane, part) -> part before lane


def halves(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper 32 bits of whole numbers of 64."""
    return (number & 0xFFFFFFFF).astype(np.uint32), (number >> 32 & 0xFFFFFFFF).astype(np.uint32)


def philox_key_reference(state: np.ndarray) -> np.ndarray:
    """key = state, (seed, number of the draw), both (2,) int64; afterwards `state` counts one draw more, in place."""
    key = state.copy()
    state[1] += 1
    return key


def philox_key_cuda(state: Array) -> Array:
    held, key = dense(state), empty_like(state)
    launch("philox.cu", "take_key", (1,), (1,), held, key)
    if held is not state:
        state[...] = held
    return key


def philox_dropout_reference(x: np.ndarray, key: np.ndarray, p: float) -> np.ndarray:
    """y = x m / (1 - p), each m 0 with probability p, else 1: m is 1 where the random word is at least p 2³².

    x (N, C, ...) or of fewer axes, key (2,) as `philox_key` gives it -> y as x. Elements have their words in the order
    (N, ..., C) whatever x lies like, so one key drops the same elements of x and of the gradient: dx is
    philox_dropout(dy, key, p). NaN and Inf in a dropped place give NaN, as in torch.
    """
    kept = random_words(key, x.size) >= np.uint64(threshold(p))
    mask = np.moveaxis(kept.reshape(order_of_words(x).shape), -1, 1) if x.ndim > 2 else kept.reshape(x.shape)
    return np.multiply(x, mask * kept_scale(p, x.dtype), out=np.empty_like(x))


def order_of_words(x: Array) -> Array:
    """(N, C, ...) -> (N, ..., C); a view."""
    return x.transpose(0, *range(2, x.ndim), 1) if x.ndim > 2 else x


def threshold(p: float) -> int:
    """The words below it, of all 2³², are the share p."""
    return round(p * 2**32)


def philox_dropout_cuda(x: Array, key: Array, p: float) -> Array:
    source, scale = dense(order_of_words(x)), float(kept_scale(p, x.dtype))
    y, threads = empty_like(source), -(-x.size // GROUP) * GROUP // 4
    launch("philox.cu", "drop_at_random", *elements(threads), source, dense(key), threshold(p), scale, y, x.size)
    return y.transpose(0, y.ndim - 1, *range(1, y.ndim - 1)) if y.ndim > 2 else y


philox_key = Kernel("philox_key", philox_key_reference, None, philox_key_cuda)
philox_dropout = Kernel("philox_dropout", philox_dropout_reference, None, philox_dropout_cuda)
