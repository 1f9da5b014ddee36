"""One step of Adam or AdamW, in place: on one parameter array, or on all of them at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from .addresses import array_at
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, addresses_of_all, check_shapes, rounded, row_major, run_step
from .optimizer_step_cuda import alike, run_steps_cuda


def adam_step_reference(
    param: np.ndarray,
    grad: np.ndarray,
    exp_avg: np.ndarray,
    exp_avg_sq: np.ndarray,
    max_exp_avg_sq: np.ndarray | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    step: int,
) -> None:
    """param -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps), with the running averages m of g and v of g².

    m = exp_avg = beta1 m + (1 - beta1) g, v = exp_avg_sq = beta2 v + (1 - beta2) g², t = step >= 1.
    g = ±grad + weight_decay param; where `decoupled`, g = ±grad and param -= lr weight_decay param besides. With
    max_exp_avg_sq (AMSGrad) the largest v so far takes the place of v. All arrays have param's shape, with any
    strides; all but grad are overwritten. maximize negates grad. Raises ValueError where the shapes differ.
    Source: Kingma and Ba, Adam, 2015; Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019; Reddi et
    al., On the Convergence of Adam and Beyond, 2018; torch.optim.Adam; d2l section 12.10.
    """
    buffers = {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq}
    check_shapes("adam_step", param, grad, buffers)
    beta1, beta2 = rounded(beta1, param), rounded(beta2, param)
    step_size, root = bias_corrections(lr, beta1, beta2, step)
    direction = -grad if maximize else grad
    if weight_decay != 0 and not decoupled:
        direction = direction + weight_decay * param
    exp_avg *= beta1
    exp_avg += (1 - beta1) * direction
    exp_avg_sq *= beta2
    exp_avg_sq += (1 - beta2) * direction * direction
    second = exp_avg_sq
    if max_exp_avg_sq is not None:
        second = np.maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
    update = step_size * exp_avg / (np.sqrt(second) / root + eps)
    if weight_decay != 0 and decoupled:
        update = update + lr * weight_decay * param
    param -= update


def bias_corrections(lr: float, beta1: float, beta2: float, step: int) -> tuple[float, float]:
    """lr / (1 - beta1^t) and sqrt(1 - beta2^t): both averages start at zero and are too small at first."""
    return lr / (1 - beta1**step), (1 - beta2**step) ** 0.5


def adam_step_cpu(
    param: np.ndarray,
    grad: np.ndarray,
    exp_avg: np.ndarray,
    exp_avg_sq: np.ndarray,
    max_exp_avg_sq: np.ndarray | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    step: int,
) -> None:
    beta1, beta2 = rounded(beta1, param), rounded(beta2, param)
    step_size, root = bias_corrections(lr, beta1, beta2, step)
    run_step(
        "adam_step",
        adam_flat,
        adam_chunks,
        param,
        grad,
        {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq},
        step_size,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        root,
        eps,
        0.0 if decoupled else weight_decay,
        lr * weight_decay if decoupled else 0.0,
        -1.0 if maximize else 1.0,
        max_exp_avg_sq is not None,
    )


@jit
def adam_flat(p, g, m, v, largest, step_size, beta1, fresh1, beta2, fresh2, root, eps, decay, shrink, sign, amsgrad):
    """The step on flat arrays of one size; without amsgrad, `largest` may be any of them."""
    for i in range(len(p)):
        d = sign * g[i]
        if decay != 0:
            d += decay * p[i]
        first = beta1 * m[i] + fresh1 * d
        second = beta2 * v[i] + fresh2 * d * d
        m[i] = first
        v[i] = second
        if amsgrad:
            if second > largest[i] or np.isnan(second):  # a NaN in either stays
                largest[i] = second
            second = largest[i]
        update = step_size * first / (np.sqrt(second) / root + eps)
        if shrink != 0:
            update += shrink * p[i]
        p[i] -= update


@jit(parallel=True)
def adam_chunks(p, g, m, v, largest, step_size, beta1, fresh1, beta2, fresh2, root, eps, decay, shrink, sign, amsgrad):
    for chunk in prange((len(p) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        adam_flat(
            p[part], g[part], m[part], v[part], largest[part],
            step_size, beta1, fresh1, beta2, fresh2, root, eps, decay, shrink, sign, amsgrad,
        )  # fmt: skip


@jit(parallel=True)
def adam_all(addresses, tasks, like, step_size, beta1, fresh1, beta2, fresh2, root, eps, decay, shrink, sign, amsgrad):
    """The step on all parameters: addresses (P, 5) of param, grad and the buffers; step_size and root (P,)."""
    for task in prange(len(tasks)):
        k, start, size = tasks[task, 0], tasks[task, 1], tasks[task, 2]
        p, g = array_at(addresses[k, 0], start, size, like), array_at(addresses[k, 1], start, size, like)
        m, v = array_at(addresses[k, 2], start, size, like), array_at(addresses[k, 3], start, size, like)
        largest = array_at(addresses[k, 4], start, size, like)
        adam_flat(
            p, g, m, v, largest,
            step_size[k], beta1, fresh1, beta2, fresh2, root[k], eps, decay, shrink, sign, amsgrad,
        )  # fmt: skip


def adam_step_cuda(
    param: Array,
    grad: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    max_exp_avg_sq: Array | None,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    step: int,
) -> None:
    buffers = {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq}
    check_shapes("adam_step", param, grad, buffers)
    arrays = [(param, grad, *buffers.values())]
    adam_all_cuda(arrays, lr, beta1, beta2, eps, weight_decay, decoupled, maximize, step)


def adam_all_cuda(
    params: list[tuple[Any, ...]],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    step: int,
) -> None:
    """The step on all parameters in one launch: for each its array, its gradient and its three buffers."""
    beta1, beta2 = rounded(beta1, params[0][0]), rounded(beta2, params[0][0])
    step_size, root = bias_corrections(lr, beta1, beta2, step)
    decay, shrink = (0.0, lr * weight_decay) if decoupled else (weight_decay, 0.0)
    numbers = step_size, beta1, 1 - beta1, beta2, 1 - beta2, root, eps, decay, shrink, -1 if maximize else 1
    run_steps_cuda("adam.cu", "adam_step", params, *numbers, params[0][4] is not None)


adam_step = Kernel("adam_step", adam_step_reference, adam_step_cpu, adam_step_cuda)


def adam_steps(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    exp_avgs: list[np.ndarray],
    exp_avg_sqs: list[np.ndarray],
    max_exp_avg_sqs: list[np.ndarray | None],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
    steps: list[int],
) -> None:
    """`adam_step` on each parameter, with the same bits; in one call where their memory allows."""
    if adam_step.pick((params[0],)) is adam_step.cuda:
        for step, of_group in alike(steps, zip(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs)).items():
            adam_all_cuda(of_group, lr, beta1, beta2, eps, weight_decay, decoupled, maximize, step)
        return
    arrays = list(zip(params, row_major(grads), exp_avgs, exp_avg_sqs, max_exp_avg_sqs, strict=True))
    together = addresses_of_all(adam_step, arrays)
    if together is None:
        for of_one, step in zip(arrays, steps):
            adam_step(*of_one, lr, beta1, beta2, eps, weight_decay, decoupled, maximize, step)
        return
    number, amsgrad = params[0].dtype.type, max_exp_avg_sqs[0] is not None
    beta1, beta2 = rounded(beta1, params[0]), rounded(beta2, params[0])
    step_sizes, roots = zip(*(bias_corrections(lr, beta1, beta2, step) for step in steps))
    decay, shrink = (0.0, lr * weight_decay) if decoupled else (weight_decay, 0.0)
    adam_all(
        *together,
        np.empty(0, number),
        np.array(step_sizes, number),
        *map(number, (beta1, 1 - beta1, beta2, 1 - beta2)),
        np.array(roots, number),
        *map(number, (eps, decay, shrink, -1.0 if maximize else 1.0)),
        amsgrad,
    )
