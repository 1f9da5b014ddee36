"""Arguments for the loss, dropout and SGD kernels."""

from functools import partial

import numpy as np


def cross_entropy(rng, dtype, N=5, K=4, weighted=False, ignore_index=-100, smoothing=0.0, target_dtype=np.int64):
    logits = 3 * rng.standard_normal((N, K)).astype(dtype)
    target = rng.integers(0, K, N).astype(target_dtype)
    target[1::3] = ignore_index if np.iinfo(target_dtype).min <= ignore_index else 0
    weight = rng.uniform(0.5, 2, K).astype(dtype) if weighted else None
    return logits, target, weight, ignore_index, smoothing


def cross_entropy_grad(rng, dtype, N=5, K=4, **options):
    logits, *rest = cross_entropy(rng, dtype, N, K, **options)
    exponentials = np.exp(logits)
    dlosses = rng.standard_normal(N).astype(dtype)
    return dlosses, exponentials / exponentials.sum(1, keepdims=True), *rest


def masked_logits(rng, dtype, smoothing=0.0):
    """-inf forbids a class: probability 0, infinite loss where it is the label."""
    logits, target, *rest = cross_entropy(rng, dtype, smoothing=smoothing)
    logits[0, target[0] - 1] = -np.inf
    logits[2, target[2]] = -np.inf
    return logits, target, *rest


def large_logits(rng, dtype):
    logits, *rest = cross_entropy(rng, dtype)
    return 1e4 * logits, *rest


def dropout(rng, dtype, shape=(3, 2, 4), p=0.5, mask_shape=None):
    return rng.standard_normal(shape).astype(dtype), rng.random(mask_shape or shape) >= p, p


def sgd(
    rng,
    dtype,
    shape=(3, 4, 2),
    momentum=0.0,
    dampening=0.0,
    nesterov=False,
    weight_decay=0.0,
    maximize=False,
    first=False,
):
    param, grad, buffer = rng.standard_normal((3, *shape)).astype(dtype)
    if first:
        buffer[...] = np.nan  # nothing may be read from it
    buffer = buffer if momentum else None
    return param, grad, buffer, 0.1, momentum, dampening, nesterov, weight_decay, maximize, first


LOSS_OPTIONS = [
    {},
    {"weighted": True, "ignore_index": 2},
    {"smoothing": 0.1},
    {"weighted": True, "smoothing": 0.3, "target_dtype": np.int32},
    {"smoothing": 1.0, "target_dtype": np.uint8},
    {"N": 1, "K": 1},
    {"N": 0},
]

CASES = {
    "softmax_cross_entropy": [
        *(partial(cross_entropy, **options) for options in LOSS_OPTIONS),
        masked_logits,
        partial(masked_logits, smoothing=0.1),
        large_logits,
    ],
    "softmax_cross_entropy_grad": [partial(cross_entropy_grad, **options) for options in LOSS_OPTIONS],
    "dropout": [
        dropout,
        partial(dropout, p=0.0),
        partial(dropout, p=1.0),
        partial(dropout, shape=(7,), p=0.3),
        partial(dropout, shape=()),
        partial(dropout, shape=(0, 3)),
        partial(dropout, shape=(2, 3, 2, 2), mask_shape=(2, 3, 1, 1)),
    ],
    "sgd_step": [
        sgd,
        partial(sgd, weight_decay=0.2, maximize=True),
        partial(sgd, momentum=0.9),
        partial(sgd, momentum=0.9, dampening=0.5, first=True),
        partial(sgd, momentum=0.9, dampening=0.5, weight_decay=0.2),
        partial(sgd, momentum=0.9, nesterov=True, weight_decay=0.2),
        partial(sgd, momentum=0.9, nesterov=True, first=True, maximize=True),
        partial(sgd, shape=()),
        partial(sgd, shape=(0,)),
    ],
}

LARGE = {
    "sgd_step": [partial(sgd, shape=(300, 333)), partial(sgd, shape=(99_999,), momentum=0.9, nesterov=True)],
}

IN_PLACE = {"sgd_step": (0, 2)}
