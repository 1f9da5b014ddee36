"""Softmax and cross-entropy on a GPU: a warp for each sample."""

from __future__ import annotations

import numpy as np

from .arrays import Array, empty_like
from .cuda.columns import warps
from .cuda.launch import dense, launch

Arrays = tuple[Array, Array, Array]


def softmax_cross_entropy_cuda(
    logits: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> Arrays:
    """As the reference, but a label out of range gives NaN for its sample: raising an error would wait for the GPU."""
    N, K = logits.shape
    losses, sample_weights = empty_like(logits, (N,)), empty_like(logits, (N,))
    p, logits = empty_like(logits, (N, K)), dense(logits)
    given = classes_and_shares(logits, target, weight, ignore_index, label_smoothing)
    arrays = losses, sample_weights, p
    launch("cross_entropy.cu", "losses_and_softmax", *warps(N), logits, *given, *arrays, N, K)
    return arrays


def softmax_cross_entropy_grad_cuda(
    dlosses: Array, probabilities: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> Array:
    N, K = probabilities.shape
    dlogits, p = empty_like(probabilities, (N, K)), dense(probabilities)
    given = classes_and_shares(p, target, weight, ignore_index, label_smoothing)
    launch("cross_entropy.cu", "gradient", *warps(N), dense(dlosses), p, *given, dlogits, N, K)
    return dlogits


def classes_and_shares(
    logits: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, bool, int, float, float]:
    """Target, weight and options as the kernels take them; ValueError where the shapes do not fit logits (N, K)."""
    N, K = logits.shape
    if target.shape != (N,) or target.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: target is {target.dtype} of shape {target.shape} but logits of shape {logits.shape} "
            f"need one integer class index per sample: shape ({N},)"
        )
    if weight is not None and weight.shape != (K,):
        raise ValueError(f"cross_entropy: weight has shape {weight.shape} but {K} classes need shape ({K},)")
    labels = dense(target.astype(np.int64, copy=False))
    weights = logits if weight is None else dense(weight)
    return labels, weights, weight is not None, ignore_index, 1 - label_smoothing, label_smoothing / K
