"""Losses of classifiers: `cross_entropy` of scores with labels or probabilities, `nll_loss` of log-probabilities."""

from __future__ import annotations

from typing import Any

from minitorch_kernels.arrays import Array, array_module
from minitorch_kernels.cross_entropy import softmax_cross_entropy, softmax_cross_entropy_grad

from ..listening import told
from ..tensor import Tensor
from .activation import log_softmax
from .checks import same_dtype
from .differentiable import differentiable
from .loss import reduction_name
from .reduction import sum


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """loss_n = -Σ_k w_k t_nk ln softmax(x_n)_k, the mean of all n, or their sum, or each.

    x (N, K), (N, K, D, ...) or (K,) holds a score for each class. The target holds labels 0..K-1, of the shape of x
    without K; or, floating point and of the shape of x, the probability of each class. For labels t is 1 at the label,
    samples marked ignore_index have loss 0, and the mean divides by Σ_n w[label_n]; for probabilities it divides by the
    number of samples. label_smoothing ε makes t (1 - ε) t + ε / K. Source: Dive into Deep Learning, section 4.1.
    IndexError for a label outside 0..K-1, RuntimeError where sizes or dtypes do not fit.
    """
    reduction = reduction_name("cross_entropy", size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: label_smoothing={label_smoothing} must be from 0 to 1")
    check_classes("cross_entropy", input, weight)
    if target.is_floating_point() and target.shape == input.shape:
        return soft_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)
    check_shape_of_labels("cross_entropy", input, target)
    return label_cross_entropy(input, target, weight, int(ignore_index), reduction, label_smoothing)


@differentiable
def label_cross_entropy(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    """loss_n = -w[y_n] ln p_n[y_n] with p = softmax(x); dx_n = w[y_n] (p_n - [k = y_n]) dloss_n, without smoothing."""
    logits, labels = classes_last(input), labels_in_a_row(target)
    try:
        losses, weights, p = softmax_cross_entropy(logits, labels, weight, ignore_index, label_smoothing)
    except ValueError:
        refuse_labels("cross_entropy", target, logits.shape[1], ignore_index)  # says where in `target`
        raise
    y, divisor = reduced(losses, weights, target.shape, reduction)
    shape, samples = input.shape, losses.shape

    def dx(dy: Array) -> Array:
        dlosses = spread_over_samples(dy, divisor, samples)
        dlogits = softmax_cross_entropy_grad(dlosses, p, labels, weight, ignore_index, label_smoothing)
        return classes_back(dlogits, shape)

    return y, (dx,)


def soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> Tensor:
    """loss_n = -Σ_k w_k t_nk ln softmax(x_n)_k for probabilities t, with gradients to x and to t."""
    if ignore_index >= 0:
        raise RuntimeError(
            f"cross_entropy: ignore_index={ignore_index} needs labels as target, not probabilities; drop it"
        )
    same_dtype("cross_entropy", x=input, target=target)
    axis, K = class_axis(input)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / K
    if weight is not None:
        target = target * weight.reshape((K,) + (1,) * (input.ndim - axis - 1))
    losses = -sum(log_softmax(input, axis) * target, axis)
    if reduction == "none":
        return losses
    total = sum(losses)
    return total if reduction == "sum" else total / losses.numel()


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """loss_n = -w[y_n] x_n[y_n] for log-probabilities x and labels y: what is left of cross_entropy after log_softmax.

    Shapes, ignore_index, weight and reduction as in `cross_entropy`.
    """
    reduction = reduction_name("nll_loss", size_average, reduce, reduction)
    check_classes("nll_loss", input, weight)
    check_shape_of_labels("nll_loss", input, target)
    check_labels("nll_loss", input, target, ignore_index)
    return negative_log_likelihood(input, target, weight, int(ignore_index), reduction)


@differentiable
def negative_log_likelihood(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str
) -> Any:
    """loss_n = -w[y_n] x_n[y_n]; dx_n = -w[y_n] dloss_n at y_n, 0 elsewhere."""
    xp = array_module(input)
    rows, labels = classes_last(input), labels_in_a_row(target)
    counted = labels != ignore_index
    labels = xp.where(counted, labels, 0).astype(int)
    samples = xp.arange(len(labels))
    w = xp.ones(rows.shape[1], rows.dtype) if weight is None else weight
    weights = xp.where(counted, w[labels], 0)
    losses = xp.where(counted, -weights * rows[samples, labels], 0)
    y, divisor = reduced(losses, weights, target.shape, reduction)
    row_shape, shape = rows.shape, input.shape

    def dx(dy: Array) -> Array:
        drows = xp.zeros(row_shape, dy.dtype)
        slopes = -weights * spread_over_samples(dy, divisor, samples.shape)
        drows[samples, labels] = xp.where(counted, slopes, 0)  # also where nothing counts, and the mean is 0 / 0
        return classes_back(drows, shape)

    return y, (dx,)


# Samples and classes as a matrix. The places D come before the batch: batch-last memory is then not copied.


def classes_last(x: Array) -> Array:
    """(N, K, D, ...) -> (D ... N, K); (K,) -> (1, K)."""
    if x.ndim == 1:
        return x[None]
    return x.transpose(*range(2, x.ndim), 0, 1).reshape(-1, x.shape[1])


def classes_back(rows: Array, shape: tuple[int, ...]) -> Array:
    """(D ... N, K) -> (N, K, D, ...), the inverse of `classes_last`."""
    if len(shape) == 1:
        return rows[0]
    N, K, *D = shape
    return rows.reshape(*D, N, K).transpose(-2, -1, *range(len(D)))


def labels_in_a_row(target: Array) -> Array:
    """(N, D, ...) -> (D ... N,), the order of `classes_last`."""
    return target.transpose(*range(1, target.ndim), 0).reshape(-1) if target.ndim else target.reshape(1)


def labels_back(row: Array, shape: tuple[int, ...]) -> Array:
    """(D ... N,) -> (N, D, ...), the inverse of `labels_in_a_row`."""
    if not shape:
        return row.reshape(())
    N, *D = shape
    return row.reshape(*D, N).transpose(-1, *range(len(D)))


def reduced(losses: Array, weights: Array, shape: tuple[int, ...], reduction: str) -> tuple[Array, Any]:
    """The losses under `reduction`, and what they are divided by: Σ weights for the mean, else 1."""
    if reduction == "none":
        return labels_back(losses, shape), 1
    divisor = weights.sum() if reduction == "mean" else 1
    return losses.sum() / divisor, divisor


def spread_over_samples(dy: Array, divisor: Any, shape: tuple[int, ...]) -> Array:
    """The gradient of each loss from that of the reduced one: (D ... N,)."""
    if dy.ndim == 0:
        return array_module(dy).full(shape, dy / divisor, dy.dtype)
    return labels_in_a_row(dy)


def class_axis(input: Tensor) -> tuple[int, int]:
    """Which axis of x holds the classes, and how many there are."""
    axis = 1 if input.ndim > 1 else 0
    return axis, input.shape[axis]


def check_classes(operation: str, input: Tensor, weight: Tensor | None) -> None:
    """RuntimeError where x has no class axis or is not floating point, or weight not one element for each class."""
    if input.ndim == 0:
        raise RuntimeError(f"{operation}: x has shape () but must be (N, K), (N, K, D, ...) or (K,)")
    if not input.is_floating_point():
        raise RuntimeError(f"{operation}: x is {input.dtype} but must be floating point; convert with .float()")
    _, K = class_axis(input)
    if weight is not None and weight.shape != (K,):
        raise RuntimeError(f"{operation}: weight has shape {weight.shape} but the {K} classes need shape ({K},)")
    same_dtype(operation, x=input, weight=weight)


def check_shape_of_labels(operation: str, input: Tensor, target: Tensor) -> None:
    """RuntimeError for labels of another shape or dtype than x asks for."""
    axis, _ = class_axis(input)
    shape = input.shape[:axis] + input.shape[axis + 1 :]
    if target.shape != shape or target.dtype.kind not in "iu":
        soft = " or class probabilities of the shape of x, floating point" if operation == "cross_entropy" else ""
        raise RuntimeError(
            f"{operation}: target is {target.dtype} of shape {target.shape} but x of shape {input.shape} needs integer "
            f"labels of shape {shape}{soft}; integers come from .long()"
        )


@told
def check_labels(operation: str, input: Tensor, target: Tensor, ignore_index: int) -> None:
    """IndexError for a label outside 0..K-1."""
    refuse_labels(operation, target._array, class_axis(input)[1], ignore_index)


def refuse_labels(operation: str, labels: Array, K: int, ignore_index: int) -> None:
    """IndexError for a label outside 0..K-1 that is not ignore_index."""
    wrong = (labels != ignore_index) & ((labels < 0) | (labels >= K))
    if wrong.any():
        place = tuple(int(i[0]) for i in wrong.nonzero()) if labels.ndim else ()
        raise IndexError(
            f"{operation}: label {labels[place]} at {place} is out of range for {K} classes (0..{K - 1}); correct it, "
            f"or mark it with ignore_index ({ignore_index})"
        )
