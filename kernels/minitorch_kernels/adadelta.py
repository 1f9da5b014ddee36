"""One step of Adadelta, in place: on one parameter array, or on all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .addresses import array_at
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, addresses_of_all, check_shapes, rounded, row_major, run_step
from .optimizer_step_cuda import run_steps_cuda


def adadelta_step_reference(
    param: np.ndarray,
    grad: np.ndarray,
    square_avg: np.ndarray,
    acc_delta: np.ndarray,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """param -= lr d, with d = sqrt(u + eps) / sqrt(v + eps) g and the running averages v of g² and u of d².

    v = square_avg = rho v + (1 - rho) g², then u = acc_delta = rho u + (1 - rho) d²; g = ±grad + weight_decay param.
    All arrays have param's shape, with any strides; all but grad are overwritten. maximize negates grad. Raises
    ValueError where the shapes differ.
    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012; torch.optim.Adadelta; d2l section 12.9.
    """
    check_shapes("adadelta_step", param, grad, {"square_avg": square_avg, "acc_delta": acc_delta})
    rho = rounded(rho, param)
    direction = -grad if maximize else grad
    if weight_decay != 0:
        direction = direction + weight_decay * param
    square_avg *= rho
    square_avg += (1 - rho) * direction * direction
    delta = np.sqrt(acc_delta + eps) / np.sqrt(square_avg + eps) * direction
    acc_delta *= rho
    acc_delta += (1 - rho) * delta * delta
    param -= lr * delta


def adadelta_step_cpu(
    param: np.ndarray,
    grad: np.ndarray,
    square_avg: np.ndarray,
    acc_delta: np.ndarray,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    rho = rounded(rho, param)
    run_step(
        "adadelta_step",
        adadelta_flat,
        adadelta_chunks,
        param,
        grad,
        {"square_avg": square_avg, "acc_delta": acc_delta},
        lr,
        rho,
        1 - rho,
        eps,
        weight_decay,
        -1.0 if maximize else 1.0,
    )


@jit
def adadelta_flat(p, g, v, u, lr, rho, fresh, eps, decay, sign):
    """The step on flat arrays of one size."""
    for i in range(len(p)):
        d = sign * g[i]
        if decay != 0:
            d += decay * p[i]
        second = rho * v[i] + fresh * d * d
        delta = np.sqrt(u[i] + eps) / np.sqrt(second + eps) * d
        v[i] = second
        u[i] = rho * u[i] + fresh * delta * delta
        p[i] -= lr * delta


@jit(parallel=True)
def adadelta_chunks(p, g, v, u, lr, rho, fresh, eps, decay, sign):
    for chunk in prange((len(p) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        adadelta_flat(p[part], g[part], v[part], u[part], lr, rho, fresh, eps, decay, sign)


@jit(parallel=True)
def adadelta_all(addresses, tasks, like, lr, rho, fresh, eps, decay, sign):
    """The step on all parameters: addresses (P, 4) of param, grad and the buffers."""
    for task in prange(len(tasks)):
        k, start, size = tasks[task, 0], tasks[task, 1], tasks[task, 2]
        p, g = array_at(addresses[k, 0], start, size, like), array_at(addresses[k, 1], start, size, like)
        v, u = array_at(addresses[k, 2], start, size, like), array_at(addresses[k, 3], start, size, like)
        adadelta_flat(p, g, v, u, lr, rho, fresh, eps, decay, sign)


def adadelta_step_cuda(
    param: Array,
    grad: Array,
    square_avg: Array,
    acc_delta: Array,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    check_shapes("adadelta_step", param, grad, {"square_avg": square_avg, "acc_delta": acc_delta})
    adadelta_all_cuda([(param, grad, square_avg, acc_delta)], lr, rho, eps, weight_decay, maximize)


def adadelta_all_cuda(
    params: list[tuple[Any, ...]], lr: float, rho: float, eps: float, weight_decay: float, maximize: bool
) -> None:
    """The step on all parameters in one launch: for each its array, its gradient and its two buffers."""
    rho = rounded(rho, params[0][0])
    numbers = lr, rho, 1 - rho, eps, weight_decay, -1 if maximize else 1
    run_steps_cuda("adadelta.cu", "adadelta_step", params, *numbers)


adadelta_step = Kernel("adadelta_step", adadelta_step_reference, adadelta_step_cpu, adadelta_step_cuda)


def adadelta_steps(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    square_avgs: list[np.ndarray],
    acc_deltas: list[np.ndarray],
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
    maximize: bool,
) -> None:
    """`adadelta_step` on each parameter, with the same bits; in one call where their memory allows."""
    arrays = list(zip(params, row_major(grads), square_avgs, acc_deltas, strict=True))
    options = lr, rho, eps, weight_decay, maximize
    if adadelta_step.pick((params[0],)) is adadelta_step.cuda:
        adadelta_all_cuda(arrays, *options)
        return
    together = addresses_of_all(adadelta_step, arrays)
    if together is None:
        for of_one in arrays:
            adadelta_step(*of_one, *options)
        return
    number, rho = params[0].dtype.type, rounded(rho, params[0])
    numbers = lr, rho, 1 - rho, eps, weight_decay, -1.0 if maximize else 1.0
    adadelta_all(*together, np.empty(0, number), *map(number, numbers))
