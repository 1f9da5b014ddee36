"""Softmax and cross-entropy in one: the loss of a classifier for each sample, and its gradient."""

from __future__ import annotations

import numpy as np

from .cross_entropy_cuda import softmax_cross_entropy_cuda, softmax_cross_entropy_grad_cuda
from .exponential import exp_float32
from .jit import jit
from .kernel import Kernel
from .layout import empty_batch_last, stored_batch_last
from .memory import empty

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def softmax_cross_entropy_reference(
    logits: np.ndarray, target: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float
) -> Arrays:
    """loss = -(1 - ε) w_y log p_y - ε/K Σ_k w_k log p_k, with p = softmax(logits), label y and ε = label_smoothing.

    logits (N, K), target (N,) integers, weight (K,) or None for ones
    -> losses (N,), sample_weights (N,), p (N, K). A sample whose target is ignore_index has loss and weight 0;
    torch's mean is losses.sum() / sample_weights.sum().

    Raises ValueError for a label outside 0..K-1 that is not ignore_index. Source: torch.nn.functional.cross_entropy;
    label smoothing after Szegedy et al. 2016; d2l section 4.1.
    """
    labels, counted, w = read_target(logits.shape, logits.dtype, target, weight, ignore_index)
    shifted = logits - logits.max(axis=1, keepdims=True)  # the largest exponential is 1: none overflows
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses = -(1 - label_smoothing) * w[labels] * log_p[np.arange(len(labels)), labels]
    if label_smoothing != 0:
        losses -= label_smoothing / len(w) * (w * log_p).sum(axis=1)
    return np.where(counted, losses, 0), np.where(counted, w[labels], 0), np.exp(log_p)


def softmax_cross_entropy_grad_reference(
    dlosses: np.ndarray,
    probabilities: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    """dlogits = dlog_p - p Σ_k dlog_p_k, with dlog_p = -dloss ((1 - ε) w_y [k = y] + ε/K w_k).

    dlosses (N,), probabilities p (N, K), the rest as in the forward -> dlogits (N, K).
    """
    labels, counted, w = read_target(probabilities.shape, probabilities.dtype, target, weight, ignore_index)
    dlog_p = np.zeros_like(probabilities)
    dlog_p[np.arange(len(labels)), labels] = -(1 - label_smoothing) * w[labels] * dlosses
    if label_smoothing != 0:
        dlog_p -= label_smoothing / len(w) * w * dlosses[:, None]  # (N, 1) x (K,) -> (N, K)
    dlog_p[~counted] = 0
    return dlog_p - probabilities * dlog_p.sum(axis=1, keepdims=True)


def softmax_cross_entropy_cpu(
    logits: np.ndarray, target: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float
) -> Arrays:
    w = class_weights(logits.shape, logits.dtype, target, weight)
    losses, sample_weights = empty(target.shape, logits.dtype), empty(target.shape, logits.dtype)
    p = empty_batch_last(logits.shape, logits.dtype)
    labels, hard, soft = contiguous_int64(target), *smoothing_shares(label_smoothing, w)
    stored, rows = stored_batch_last(logits), stored_batch_last(p)
    single = logits.dtype == np.float32
    if not losses_and_softmax(stored, labels, int(ignore_index), w, hard, soft, single, losses, sample_weights, rows):
        refuse_labels(logits.shape[1], target, ignore_index)
    return losses, sample_weights, p


def softmax_cross_entropy_grad_cpu(
    dlosses: np.ndarray,
    probabilities: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    w = class_weights(probabilities.shape, probabilities.dtype, target, weight)
    labels, hard, soft = contiguous_int64(target), *smoothing_shares(label_smoothing, w)
    dlogits = empty_batch_last(probabilities.shape, probabilities.dtype)
    dlosses, p, total = np.ascontiguousarray(dlosses), stored_batch_last(probabilities), np.empty_like(dlosses)
    if not gradient(dlosses, p, labels, int(ignore_index), w, hard, soft, total, stored_batch_last(dlogits)):
        refuse_labels(probabilities.shape[1], target, ignore_index)
    return dlogits


def read_target(
    shape: tuple[int, ...], dtype: np.dtype, target: np.ndarray, weight: np.ndarray | None, ignore_index: int
) -> Arrays:
    """Check target and weight against (N, K) logits -> labels (N,) int64 with 0 where ignored, counted (N,), w (K,)."""
    w = class_weights(shape, dtype, target, weight)
    refuse_labels(shape[1], target, ignore_index)
    counted = target != ignore_index
    return np.where(counted, target, 0).astype(np.int64, copy=False), counted, w


def class_weights(shape: tuple[int, ...], dtype: np.dtype, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """w (K,). ValueError where target or weight do not fit (N, K) logits."""
    N, K = shape
    if target.shape != (N,) or target.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: target is {target.dtype} of shape {target.shape} but logits of shape {shape} "
            f"need one integer class index per sample: shape ({N},)"
        )
    if weight is None:
        return np.ones(K, dtype)
    if weight.shape != (K,):
        raise ValueError(f"cross_entropy: weight has shape {weight.shape} but {K} classes need shape ({K},)")
    return np.ascontiguousarray(weight)


def refuse_labels(K: int, target: np.ndarray, ignore_index: int) -> None:
    """ValueError for a label outside 0..K-1 that is not ignore_index."""
    wrong = np.flatnonzero((target != ignore_index) & ((target < 0) | (target >= K)))
    if wrong.size:
        raise ValueError(
            f"cross_entropy: target {target[wrong[0]]} at position {wrong[0]} is out of range for {K} classes "
            f"(0..{K - 1}); correct the label or mark it to be ignored with ignore_index ({ignore_index})"
        )


def contiguous_int64(target: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(target, np.int64)


def smoothing_shares(label_smoothing: float, w: np.ndarray) -> tuple[np.floating, np.floating]:
    """How much of the target goes to the label, 1 - ε, and to each class, ε/K, in w's dtype."""
    return w.dtype.type(1 - label_smoothing), w.dtype.type(label_smoothing / len(w))


# logits and p are (K, N) as stored: each pass runs along the contiguous samples


@jit
def losses_and_softmax(logits, labels, ignore_index, w, hard, soft, single, losses, sample_weights, p):
    """Write losses, sample_weights (N,) and p; False, and nothing of use written, for a label that is out of range.

    `single` says that p is float32.
    """
    K, N = logits.shape
    peak, total = losses, sample_weights  # scratch until the last loop
    for n in range(N):
        peak[n], total[n] = -np.inf, 0
    for k in range(K):
        for n in range(N):
            peak[n] = peak[n] if logits[k, n] <= peak[n] else logits[k, n]
    for k in range(K):
        row, probabilities = logits[k], p[k]
        if single:
            for n in range(N):
                probabilities[n] = exp_float32(np.float32(row[n] - peak[n]))
        else:
            for n in range(N):
                probabilities[n] = np.exp(row[n] - peak[n])
        for n in range(N):
            total[n] += probabilities[n]
    for k in range(K):
        for n in range(N):
            p[k, n] /= total[n]
    for n in range(N):
        y = labels[n]
        if y == ignore_index:
            losses[n], sample_weights[n] = 0, 0
            continue
        if not 0 <= y < K:
            return False
        top, log_total = peak[n], np.log(total[n])
        loss = -hard * w[y] * (logits[y, n] - top - log_total)
        if soft != 0:
            for k in range(K):
                loss -= soft * w[k] * (logits[k, n] - top - log_total)
        losses[n], sample_weights[n] = loss, w[y]
    return True


@jit
def gradient(dlosses, p, labels, ignore_index, w, hard, soft, total, dlogits):
    """p -> dlogits, both (K, N), by way of dlog_p and its sum over the classes, total (N,); False as above."""
    K, N = p.shape
    for k in range(K):
        for n in range(N):
            dlogits[k, n] = -soft * w[k] * dlosses[n] if soft != 0 and labels[n] != ignore_index else 0
    for n in range(N):
        y = labels[n]
        if y != ignore_index:
            if not 0 <= y < K:
                return False
            dlogits[y, n] -= hard * w[y] * dlosses[n]
    for n in range(N):
        total[n] = 0
    for k in range(K):
        for n in range(N):
            total[n] += dlogits[k, n]
    for k in range(K):
        for n in range(N):
            dlogits[k, n] -= p[k, n] * total[n]
    return True


softmax_cross_entropy = Kernel(
    "softmax_cross_entropy", softmax_cross_entropy_reference, softmax_cross_entropy_cpu, softmax_cross_entropy_cuda
)
softmax_cross_entropy_grad = Kernel(
    "softmax_cross_entropy_grad",
    softmax_cross_entropy_grad_reference,
    softmax_cross_entropy_grad_cpu,
    softmax_cross_entropy_grad_cuda,
)
