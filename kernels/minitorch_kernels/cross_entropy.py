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
    labels, counted, w = read_target(logits.shape, logits.dtype, target, weight, ignore_index)
    losses, sample_weights = empty(labels.shape, logits.dtype), empty(labels.shape, logits.dtype)
    p = empty_batch_last(logits.shape, logits.dtype)
    hard, soft = smoothing_shares(label_smoothing, w)
    stored, rows = stored_batch_last(logits), stored_batch_last(p)
    distances_from_peak(stored, losses, rows)
    (exponentials_float32 if p.dtype == np.float32 else exponentials_float64)(rows)
    losses_and_softmax(stored, labels, counted, w, hard, soft, losses, sample_weights, rows)
    return losses, sample_weights, p


def softmax_cross_entropy_grad_cpu(
    dlosses: np.ndarray,
    probabilities: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    labels, counted, w = read_target(probabilities.shape, probabilities.dtype, target, weight, ignore_index)
    hard, soft = smoothing_shares(label_smoothing, w)
    dlogits = empty_batch_last(probabilities.shape, probabilities.dtype)
    dlosses, p = np.ascontiguousarray(dlosses), stored_batch_last(probabilities)
    gradient(dlosses, p, labels, counted, w, hard, soft, empty(labels.shape, p.dtype), stored_batch_last(dlogits))
    return dlogits


def read_target(
    shape: tuple[int, ...], dtype: np.dtype, target: np.ndarray, weight: np.ndarray | None, ignore_index: int
) -> Arrays:
    """Check target and weight against (N, K) logits -> labels (N,) int64 with 0 where ignored, counted (N,), w (K,)."""
    N, K = shape
    if target.shape != (N,) or target.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: target is {target.dtype} of shape {target.shape} but logits of shape {shape} "
            f"need one integer class index per sample: shape ({N},)"
        )
    if weight is not None and weight.shape != (K,):
        raise ValueError(f"cross_entropy: weight has shape {weight.shape} but {K} classes need shape ({K},)")
    counted = target != ignore_index
    wrong = np.flatnonzero(counted & ((target < 0) | (target >= K)))
    if wrong.size:
        raise ValueError(
            f"cross_entropy: target {target[wrong[0]]} at position {wrong[0]} is out of range for {K} classes "
            f"(0..{K - 1}); correct the label or mark it to be ignored with ignore_index ({ignore_index})"
        )
    w = np.ones(K, dtype) if weight is None else np.ascontiguousarray(weight)
    return np.where(counted, target, 0).astype(np.int64, copy=False), counted, w


def smoothing_shares(label_smoothing: float, w: np.ndarray) -> tuple[np.floating, np.floating]:
    """How much of the target goes to the label, 1 - ε, and to each class, ε/K, in w's dtype."""
    return w.dtype.type(1 - label_smoothing), w.dtype.type(label_smoothing / len(w))


# logits and p are (K, N) as stored: each pass runs along the contiguous samples


@jit
def distances_from_peak(logits, peak, p):
    """peak (N,) = the largest logit of each sample, p = logits - peak."""
    K, N = logits.shape
    for n in range(N):
        peak[n] = logits[0, n]
    for k in range(1, K):
        for n in range(N):
            peak[n] = max(peak[n], logits[k, n])
    for k in range(K):
        for n in range(N):
            p[k, n] = logits[k, n] - peak[n]


@jit
def exponentials_float32(p):
    for k in range(len(p)):
        row = p[k]
        for n in range(len(row)):
            row[n] = exp_float32(row[n])


@jit
def exponentials_float64(p):
    for k in range(len(p)):
        for n in range(p.shape[1]):
            p[k, n] = np.exp(p[k, n])


@jit
def losses_and_softmax(logits, labels, counted, w, hard, soft, losses, sample_weights, p):
    """Losses, weights and p from the peaks, which stand in `losses`, and the exponentials, which stand in p."""
    K, N = logits.shape
    peak, total = losses, sample_weights  # scratch until the last loop
    for n in range(N):
        total[n] = 0
    for k in range(K):
        for n in range(N):
            total[n] += p[k, n]
    for k in range(K):
        for n in range(N):
            p[k, n] /= total[n]
    for n in range(N):
        y, top, log_total = labels[n], peak[n], np.log(total[n])
        loss = -hard * w[y] * (logits[y, n] - top - log_total)
        if soft != 0:
            for k in range(K):
                loss -= soft * w[k] * (logits[k, n] - top - log_total)
        losses[n] = loss if counted[n] else 0
        sample_weights[n] = w[y] if counted[n] else 0


@jit
def gradient(dlosses, p, labels, counted, w, hard, soft, total, dlogits):
    """p and dlogits (K, N) as stored; dlogits holds dlog_p first, and total (N,) its sum over the classes."""
    K, N = p.shape
    for k in range(K):
        for n in range(N):
            dlogits[k, n] = -soft * w[k] * dlosses[n] if soft != 0 and counted[n] else 0
    for n in range(N):
        if counted[n]:
            dlogits[labels[n], n] -= hard * w[labels[n]] * dlosses[n]
    for n in range(N):
        total[n] = 0
    for k in range(K):
        for n in range(N):
            total[n] += dlogits[k, n]
    for k in range(K):
        for n in range(N):
            dlogits[k, n] -= p[k, n] * total[n]


softmax_cross_entropy = Kernel(
    "softmax_cross_entropy", softmax_cross_entropy_reference, softmax_cross_entropy_cpu, softmax_cross_entropy_cuda
)
softmax_cross_entropy_grad = Kernel(
    "softmax_cross_entropy_grad",
    softmax_cross_entropy_grad_reference,
    softmax_cross_entropy_grad_cpu,
    softmax_cross_entropy_grad_cuda,
)
