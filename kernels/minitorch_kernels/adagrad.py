"""One step of Adagrad, in place: on one parameter array, or on all of them at once."""

from __future__ import annotations

import numpy as np

from .addresses import array_at
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, addresses_of_all, check_shapes, row_major, run_step
from .optimizer_step_cuda import alike, run_steps_cuda


def adagrad_step_reference(
    param: np.ndarray,
    grad: np.ndarray,
    square_sum: np.ndarray,
    lr: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """param -= lr g / (sqrt(s) + eps), with s = square_sum = s + g² and g = ±grad + weight_decay param.

    All arrays have param's shape, with any strides; param and square_sum are overwritten. maximize negates grad.
    Raises ValueError where the shapes differ.
    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods, 2011; torch.optim.Adagrad; d2l section 12.7.
    """
    check_shapes("adagrad_step", param, grad, {"sum": square_sum})
    direction = -grad if maximize else grad
    if weight_decay != 0:
        direction = direction + weight_decay * param
    square_sum += direction * direction
    param -= lr * direction / (np.sqrt(square_sum) + eps)


def adagrad_step_cpu(
    param: np.ndarray,
    grad: np.ndarray,
    square_sum: np.ndarray,
    lr: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    sign = -1.0 if maximize else 1.0
    buffers = {"sum": square_sum}
    run_step("adagrad_step", adagrad_flat, adagrad_chunks, param, grad, buffers, lr, eps, weight_decay, sign)


@jit
def adagrad_flat(p, g, s, lr, eps, decay, sign):
    """The step on flat arrays of one size."""
    for i in range(len(p)):
        d = sign * g[i]
        if decay != 0:
            d += decay * p[i]
        total = s[i] + d * d
        s[i] = total
        p[i] -= lr * d / (np.sqrt(total) + eps)


@jit(parallel=True)
def adagrad_chunks(p, g, s, lr, eps, decay, sign):
    for chunk in prange((len(p) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        adagrad_flat(p[part], g[part], s[part], lr, eps, decay, sign)


@jit(parallel=True)
def adagrad_all(addresses, tasks, like, lr, eps, decay, sign):
    """The step on all parameters: addresses (P, 3) of param, grad and the sum; lr (P,)."""
    for task in prange(len(tasks)):
        k, start, size = tasks[task, 0], tasks[task, 1], tasks[task, 2]
        p, g = array_at(addresses[k, 0], start, size, like), array_at(addresses[k, 1], start, size, like)
        adagrad_flat(p, g, array_at(addresses[k, 2], start, size, like), lr[k], eps, decay, sign)


def adagrad_step_cuda(
    param: Array,
    grad: Array,
    square_sum: Array,
    lr: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    check_shapes("adagrad_step", param, grad, {"sum": square_sum})
    numbers = lr, eps, weight_decay, -1 if maximize else 1
    run_steps_cuda("adagrad.cu", "adagrad_step", [(param, grad, square_sum)], *numbers)


adagrad_step = Kernel("adagrad_step", adagrad_step_reference, adagrad_step_cpu, adagrad_step_cuda)


def adagrad_steps(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    square_sums: list[np.ndarray],
    lrs: list[float],
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """`adagrad_step` on each parameter, with the same bits; in one call where their memory allows."""
    arrays = list(zip(params, row_major(grads), square_sums, strict=True))
    sign = -1.0 if maximize else 1.0
    if adagrad_step.pick((params[0],)) is adagrad_step.cuda:
        for lr, of_group in alike(lrs, arrays).items():
            run_steps_cuda("adagrad.cu", "adagrad_step", of_group, lr, eps, weight_decay, sign)
        return
    together = addresses_of_all(adagrad_step, arrays)
    if together is None:
        for of_one, lr in zip(arrays, lrs):
            adagrad_step(*of_one, lr, eps, weight_decay, maximize)
        return
    number = params[0].dtype.type
    adagrad_all(*together, np.empty(0, number), np.array(lrs, number), *map(number, (eps, weight_decay, sign)))
