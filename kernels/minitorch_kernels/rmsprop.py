"""One step of RMSProp, in place: on one parameter array, or on all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .addresses import array_at
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, addresses_of_all, check_shapes, rounded, row_major, run_step
from .optimizer_step_cuda import run_steps_cuda


def rmsprop_step_reference(
    param: np.ndarray,
    grad: np.ndarray,
    square_avg: np.ndarray,
    momentum_buffer: np.ndarray | None,
    grad_avg: np.ndarray | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """param -= lr g / (sqrt(v) + eps), with v = square_avg = alpha v + (1 - alpha) g².

    g = ±grad + weight_decay param. With grad_avg (centered) the variance v - grad_avg² takes the place of v, where
    grad_avg = alpha grad_avg + (1 - alpha) g. With momentum_buffer, b = momentum b + g / (sqrt(v) + eps) and
    param -= lr b. All arrays have param's shape, with any strides; all but grad are overwritten. maximize negates grad.
    Raises ValueError where the shapes differ.
    Source: Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012; Graves, Generating Sequences
    With Recurrent Neural Networks, 2013 (centered); torch.optim.RMSprop; d2l section 12.8.
    """
    buffers = {"square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg}
    check_shapes("rmsprop_step", param, grad, buffers)
    alpha = rounded(alpha, param)
    direction = -grad if maximize else grad
    if weight_decay != 0:
        direction = direction + weight_decay * param
    square_avg *= alpha
    square_avg += (1 - alpha) * direction * direction
    variance = square_avg
    if grad_avg is not None:
        grad_avg *= alpha
        grad_avg += (1 - alpha) * direction
        variance = square_avg - grad_avg * grad_avg
    update = direction / (np.sqrt(variance) + eps)
    if momentum_buffer is not None:
        momentum_buffer *= momentum
        momentum_buffer += update
        update = momentum_buffer
    param -= lr * update


def rmsprop_step_cpu(
    param: np.ndarray,
    grad: np.ndarray,
    square_avg: np.ndarray,
    momentum_buffer: np.ndarray | None,
    grad_avg: np.ndarray | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    alpha = rounded(alpha, param)
    run_step(
        "rmsprop_step",
        rmsprop_flat,
        rmsprop_chunks,
        param,
        grad,
        {"square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg},
        lr,
        alpha,
        1 - alpha,
        eps,
        weight_decay,
        momentum,
        -1.0 if maximize else 1.0,
        momentum_buffer is not None,
        grad_avg is not None,
    )


@jit
def rmsprop_flat(p, g, v, b, mean, lr, alpha, fresh, eps, decay, momentum, sign, has_buffer, centered):
    """The step on flat arrays of one size; `b` and `mean`, where not used, may be any of them."""
    for i in range(len(p)):
        d = sign * g[i]
        if decay != 0:
            d += decay * p[i]
        variance = alpha * v[i] + fresh * d * d
        v[i] = variance
        if centered:
            average = alpha * mean[i] + fresh * d
            mean[i] = average
            variance -= average * average
        update = d / (np.sqrt(variance) + eps)
        if has_buffer:
            update += momentum * b[i]
            b[i] = update
        p[i] -= lr * update


@jit(parallel=True)
def rmsprop_chunks(p, g, v, b, mean, lr, alpha, fresh, eps, decay, momentum, sign, has_buffer, centered):
    for chunk in prange((len(p) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        rmsprop_flat(
            p[part], g[part], v[part], b[part], mean[part],
            lr, alpha, fresh, eps, decay, momentum, sign, has_buffer, centered,
        )  # fmt: skip


@jit(parallel=True)
def rmsprop_all(
    addresses, tasks, like, lr, alpha, fresh, eps, decay, momentum, sign, has_buffer, centered
):  # fmt: skip
    """The step on all parameters: addresses (P, 5) of param, grad and the buffers."""
    for task in prange(len(tasks)):
        k, start, size = tasks[task, 0], tasks[task, 1], tasks[task, 2]
        p, g = array_at(addresses[k, 0], start, size, like), array_at(addresses[k, 1], start, size, like)
        v, b = array_at(addresses[k, 2], start, size, like), array_at(addresses[k, 3], start, size, like)
        mean = array_at(addresses[k, 4], start, size, like)
        rmsprop_flat(p, g, v, b, mean, lr, alpha, fresh, eps, decay, momentum, sign, has_buffer, centered)


def rmsprop_step_cuda(
    param: Array,
    grad: Array,
    square_avg: Array,
    momentum_buffer: Array | None,
    grad_avg: Array | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    buffers = {"square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg}
    check_shapes("rmsprop_step", param, grad, buffers)
    rmsprop_all_cuda([(param, grad, *buffers.values())], lr, alpha, eps, weight_decay, momentum, maximize)


def rmsprop_all_cuda(
    params: list[tuple[Any, ...]],
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """The step on all parameters in one launch: for each its array, its gradient and its three buffers."""
    alpha = rounded(alpha, params[0][0])
    numbers = lr, alpha, 1 - alpha, eps, weight_decay, momentum, -1 if maximize else 1
    run_steps_cuda("rmsprop.cu", "rmsprop_step", params, *numbers, *(array is not None for array in params[0][3:]))


rmsprop_step = Kernel("rmsprop_step", rmsprop_step_reference, rmsprop_step_cpu, rmsprop_step_cuda)


def rmsprop_steps(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    square_avgs: list[np.ndarray],
    momentum_buffers: list[np.ndarray | None],
    grad_avgs: list[np.ndarray | None],
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    maximize: bool,
) -> None:
    """`rmsprop_step` on each parameter, with the same bits; in one call where their memory allows."""
    arrays = list(zip(params, row_major(grads), square_avgs, momentum_buffers, grad_avgs, strict=True))
    options = lr, alpha, eps, weight_decay, momentum, maximize
    if rmsprop_step.pick((params[0],)) is rmsprop_step.cuda:
        rmsprop_all_cuda(arrays, *options)
        return
    together = addresses_of_all(rmsprop_step, arrays)
    if together is None:
        for of_one in arrays:
            rmsprop_step(*of_one, *options)
        return
    number, alpha = params[0].dtype.type, rounded(alpha, params[0])
    numbers = lr, alpha, 1 - alpha, eps, weight_decay, momentum, -1.0 if maximize else 1.0
    used = momentum_buffers[0] is not None, grad_avgs[0] is not None
    rmsprop_all(*together, np.empty(0, number), *map(number, numbers), *used)
