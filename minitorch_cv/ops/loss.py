"""Losses between numbers, and between probabilities: each element's loss and its slope, then a reduction."""

from __future__ import annotations

import warnings
from typing import Any

from minitorch_kernels.arrays import Array, array_module

from ..listening import told
from ..tensor import Tensor
from .arithmetic import promoted
from .differentiable import differentiable, unbroadcast
from .reduction import mean, sum

REDUCTIONS = ("none", "mean", "sum")


def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """loss = (x - t)², the mean of all elements, or their sum, or each. Source: Dive into Deep Learning, 3.1."""
    reduction = reduction_name("mse_loss", size_average, reduce, reduction)
    warn_of_broadcast("mse_loss", input, target)
    return reduce_losses(squared_error(input, target), reduction)


@differentiable
def squared_error(input: Array, target: Any) -> Any:
    """y = (x - t)²; dx = 2 (x - t) dy = -dt."""
    x, t = promoted(input, target)
    difference = x - t
    return difference * difference, difference_slopes(x, t, 2 * difference)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """loss = |x - t|, the mean of all elements, or their sum, or each."""
    reduction = reduction_name("l1_loss", size_average, reduce, reduction)
    warn_of_broadcast("l1_loss", input, target)
    return reduce_losses(absolute_error(input, target), reduction)


@differentiable
def absolute_error(input: Array, target: Any) -> Any:
    """y = |x - t|; dx = sign(x - t) dy = -dt, 0 where x = t."""
    x, t = promoted(input, target)
    difference = x - t
    xp = array_module(difference)
    return xp.abs(difference), difference_slopes(x, t, xp.sign(difference))


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """loss = (x - t)² / 2β where |x - t| < β, else |x - t| - β / 2: huber_loss / β, and l1_loss for β = 0."""
    reduction = reduction_name("smooth_l1_loss", size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta={beta} must not be negative")
    warn_of_broadcast("smooth_l1_loss", input, target)
    losses = absolute_error(input, target) if beta == 0 else huber_error(input, target, beta) / beta
    return reduce_losses(losses, reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """loss = (x - t)² / 2 where |x - t| < δ, else δ (|x - t| - δ / 2). Source: Huber 1964."""
    reduction = reduction_name("huber_loss", None, None, reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta={delta} must be positive")
    warn_of_broadcast("huber_loss", input, target)
    return reduce_losses(huber_error(input, target, delta), reduction)


@differentiable
def huber_error(input: Array, target: Any, delta: float) -> Any:
    """y = z² / 2 where |z| < δ, else δ (|z| - δ / 2), with z = x - t; dx = dy z limited to [-δ, δ] = -dt."""
    x, t = promoted(input, target)
    z = x - t
    xp = array_module(z)
    limited = xp.clip(z, -delta, delta)
    return limited * (z - limited / 2), difference_slopes(x, t, limited)


def difference_slopes(x: Array, t: Array, slope: Array) -> tuple[Any, Any]:
    """The gradients of a function of x - t with this slope: dx = dy slope, dt = -dy slope."""
    x_shape, t_shape = x.shape, t.shape
    return lambda dy: unbroadcast(dy * slope, x_shape), lambda dy: unbroadcast(-dy * slope, t_shape)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """loss = -w (t ln x + (1 - t) ln(1 - x)) for probabilities x; each logarithm is at least -100, as in torch.

    RuntimeError for an x or a target outside [0, 1], ValueError for a target of another shape.
    """
    reduction = reduction_name("binary_cross_entropy", size_average, reduce, reduction)
    check_same_shape("binary_cross_entropy", input, target)
    check_probabilities(input, "x", "apply sigmoid(), or use binary_cross_entropy_with_logits")
    check_probabilities(target, "target", "give 0 and 1, or shares in between")
    return reduce_losses(weighted(binary_error(input, target), weight), reduction)


@told
def check_probabilities(tensor: Tensor, name: str, fix: str) -> None:
    """RuntimeError for a value outside [0, 1]."""
    p = tensor._array
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError(
            f"binary_cross_entropy: {name} has values from {p.min()} to {p.max()} but must be probabilities, from 0 to "
            f"1; {fix}"
        )


@differentiable
def binary_error(input: Array, target: Array) -> Any:
    """y = -t ln x - (1 - t) ln(1 - x); dx = dy (x - t) / (x (1 - x)), dt = dy (ln(1 - x) - ln x)."""
    x, t = promoted(input, target)
    xp = array_module(x)
    log_x, log_rest = xp.maximum(xp.log(x), -100), xp.maximum(xp.log1p(-x), -100)
    return -t * log_x - (1 - t) * log_rest, (
        lambda dy: dy * (x - t) / xp.maximum(x * (1 - x), 1e-12),
        lambda dy: dy * (log_rest - log_x),
    )


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """loss = -w (v t ln σ(x) + (1 - t) ln(1 - σ(x))) for scores x, without overflow; v is pos_weight, or 1.

    ValueError for a target of another shape.
    """
    reduction = reduction_name("binary_cross_entropy_with_logits", size_average, reduce, reduction)
    check_same_shape("binary_cross_entropy_with_logits", input, target)
    return reduce_losses(weighted(binary_error_of_scores(input, target, pos_weight), weight), reduction)


@differentiable
def binary_error_of_scores(input: Array, target: Array, pos_weight: Any) -> Any:
    """y = (1 - t) x + u s with u = 1 + (v - 1) t and s = -ln σ(x) = ln(1 + e⁻ˣ); dx = dy (1 - t - u (1 - σ(x)))."""
    x, t = promoted(input, target)
    xp = array_module(x)
    v = 1 if pos_weight is None else pos_weight
    s = xp.logaddexp(0, -x)
    u = 1 + (v - 1) * t
    v_shape = xp.shape(v)
    return (1 - t) * x + u * s, (
        lambda dy: dy * (1 - t - u * -xp.expm1(-s)),  # e⁻ˢ = σ(x)
        lambda dy: dy * ((v - 1) * s - x),
        lambda dy: unbroadcast(dy * t * s, v_shape),
    )


def weighted(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Each loss times its weight (broadcast)."""
    return losses if weight is None else losses * weight


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """loss = t (ln t - x) for log-probabilities x and probabilities t, or their logarithms with log_target.

    reduction "batchmean" divides the sum by the batch size: the divergence as it is defined.
    """
    batchmean = reduction == "batchmean"
    reduction = (
        "sum" if batchmean else reduction_name("kl_div", size_average, reduce, reduction, *REDUCTIONS, "batchmean")
    )
    losses = divergence_of_logarithms(input, target) if log_target else divergence(input, target)
    y = reduce_losses(losses, reduction)
    return y / len(input) if batchmean and input.ndim else y


@differentiable
def divergence(input: Array, target: Array) -> Any:
    """y = t (ln t - x), 0 where t = 0; dx = -dy t, dt = dy (ln t + 1 - x)."""
    x, t = promoted(input, target)
    xp = array_module(x)
    log_t = xp.log(t)
    x_shape, t_shape = x.shape, t.shape
    return xp.where(t == 0, 0, t * log_t) - t * x, (
        lambda dy: unbroadcast(-dy * t, x_shape),
        lambda dy: unbroadcast(dy * (log_t + 1 - x), t_shape),
    )


@differentiable
def divergence_of_logarithms(input: Array, target: Array) -> Any:
    """y = eᵗ (t - x); dx = -dy eᵗ, dt = dy eᵗ (t + 1 - x)."""
    x, t = promoted(input, target)
    p = array_module(t).exp(t)
    x_shape, t_shape = x.shape, t.shape
    return p * (t - x), (
        lambda dy: unbroadcast(-dy * p, x_shape),
        lambda dy: unbroadcast(dy * p * (t + 1 - x), t_shape),
    )


def reduce_losses(losses: Tensor, reduction: str) -> Tensor:
    """Each loss, their mean, or their sum."""
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum(losses)


def reduction_name(
    operation: str, size_average: bool | None, reduce: bool | None, reduction: str, *allowed: str
) -> str:
    """The reduction, also where it is given in torch's older way by two flags. ValueError for an unknown one."""
    if size_average is not None or reduce is not None:
        if reduce is False:
            return "none"
        return "sum" if size_average is False else "mean"
    if reduction not in (allowed or REDUCTIONS):
        raise ValueError(f"{operation}: reduction={reduction!r}; choose {', '.join(map(repr, allowed or REDUCTIONS))}")
    return reduction


def warn_of_broadcast(operation: str, input: Tensor, target: Any) -> None:
    """A UserWarning where shapes differ: (N, 1) against (N,) gives N · N losses, which is seldom meant."""
    if input.shape != target.shape:
        warnings.warn(
            f"{operation}: x has shape {input.shape} but target has {target.shape}; they are broadcast, which is "
            "seldom meant; reshape one of them",
            UserWarning,
            stacklevel=3,
        )


def check_same_shape(operation: str, input: Tensor, target: Tensor) -> None:
    """ValueError where x and target differ in shape."""
    if input.shape != target.shape:
        raise ValueError(
            f"{operation}: target has shape {target.shape} but must have that of x, {input.shape}; reshape it"
        )
