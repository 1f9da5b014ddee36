"""One step of stochastic gradient descent, in place: on one parameter array, or on all of them at once."""

from __future__ import annotations

import numpy as np

from .addresses import array_at
from .arrays import Array
from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, addresses_of_all, check_shapes, row_major, run_step
from .optimizer_step_cuda import alike, run_steps_cuda


def sgd_step_reference(
    param: np.ndarray,
    grad: np.ndarray,
    momentum_buffer: np.ndarray | None,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first: bool,
) -> None:
    """param -= lr d, with g = ±grad + weight_decay param, buffer = momentum buffer + (1 - dampening) g, d = buffer.

    All arrays have param's shape, with any strides; param and momentum_buffer are overwritten. `first` sets buffer = g
    and never reads what was in it. Nesterov takes d = g + momentum buffer; without momentum d = g and momentum_buffer
    is None; maximize negates grad. Raises ValueError where the shapes differ.
    Source: torch.optim.SGD; d2l sections 12.4 and 12.6.
    """
    check_shapes("sgd_step", param, grad, {"momentum_buffer": momentum_buffer})
    direction = -grad if maximize else grad
    if weight_decay != 0:
        direction = direction + weight_decay * param
    if momentum_buffer is not None:
        if first:
            momentum_buffer[...] = direction
        else:
            momentum_buffer *= momentum
            momentum_buffer += (1 - dampening) * direction
        direction = direction + momentum * momentum_buffer if nesterov else momentum_buffer
    param -= lr * direction


def sgd_step_cpu(
    param: np.ndarray,
    grad: np.ndarray,
    momentum_buffer: np.ndarray | None,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first: bool,
) -> None:
    run_step(
        "sgd_step",
        step_flat,
        step_chunks,
        param,
        grad,
        {"momentum_buffer": momentum_buffer},
        lr,
        momentum,
        1 - dampening,
        weight_decay,
        -1.0 if maximize else 1.0,
        bool(nesterov),
        momentum_buffer is not None,
        bool(first),
    )


@jit
def step_flat(p, g, buffer, lr, momentum, fresh, decay, sign, nesterov, has_buffer, first):
    """The step on flat arrays of one size; without has_buffer, `buffer` may be any of them."""
    for i in range(len(p)):
        d = sign * g[i]
        if decay != 0:
            d += decay * p[i]
        if has_buffer:
            velocity = d if first else momentum * buffer[i] + fresh * d
            buffer[i] = velocity
            d = d + momentum * velocity if nesterov else velocity
        p[i] -= lr * d


@jit(parallel=True)
def step_chunks(p, g, buffer, lr, momentum, fresh, decay, sign, nesterov, has_buffer, first):
    for chunk in prange((len(p) + CHUNK - 1) // CHUNK):
        part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        step_flat(p[part], g[part], buffer[part], lr, momentum, fresh, decay, sign, nesterov, has_buffer, first)


@jit(parallel=True)
def step_all(addresses, tasks, like, lr, momentum, fresh, decay, sign, nesterov, has_buffer, first):
    """The step on all parameters: addresses (P, 3) of param, grad and buffer, first (P,)."""
    for task in prange(len(tasks)):
        k, start, size = tasks[task, 0], tasks[task, 1], tasks[task, 2]
        p, g = array_at(addresses[k, 0], start, size, like), array_at(addresses[k, 1], start, size, like)
        buffer = array_at(addresses[k, 2], start, size, like)
        step_flat(p, g, buffer, lr, momentum, fresh, decay, sign, nesterov, has_buffer, first[k])


def sgd_step_cuda(
    param: Array,
    grad: Array,
    momentum_buffer: Array | None,
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first: bool,
) -> None:
    check_shapes("sgd_step", param, grad, {"momentum_buffer": momentum_buffer})
    arrays = [(param, grad, momentum_buffer)]
    step_all_cuda(arrays, lr, momentum, dampening, nesterov, weight_decay, maximize, first)


def step_all_cuda(
    params: list[tuple[Array, Array, Array | None]],
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first: bool,
) -> None:
    """The step on all parameters in one launch: for each its array, its gradient and its buffer."""
    has_buffer = params[0][2] is not None
    numbers = lr, momentum, 1 - dampening, weight_decay, -1 if maximize else 1, nesterov, has_buffer, first
    run_steps_cuda("sgd.cu", "sgd_step", params, *numbers)


sgd_step = Kernel("sgd_step", sgd_step_reference, sgd_step_cpu, sgd_step_cuda)


def sgd_steps(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    momentum_buffers: list[np.ndarray | None],
    lr: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
    weight_decay: float,
    maximize: bool,
    first: list[bool],
) -> None:
    """`sgd_step` on each parameter, with the same bits; in one call where their memory allows."""
    if sgd_step.pick((params[0],)) is sgd_step.cuda:
        for new, of_group in alike(first, zip(params, grads, momentum_buffers)).items():
            step_all_cuda(of_group, lr, momentum, dampening, nesterov, weight_decay, maximize, new)
        return
    arrays = list(zip(params, row_major(grads), momentum_buffers, strict=True))
    together = addresses_of_all(sgd_step, arrays)
    if together is None:
        for param, grad, buffer, new in zip(params, grads, momentum_buffers, first):
            sgd_step(param, grad, buffer, lr, momentum, dampening, nesterov, weight_decay, maximize, new)
        return
    number, has_buffer = params[0].dtype.type, momentum_buffers[0] is not None
    scalars = map(number, (lr, momentum, 1 - dampening, weight_decay, -1.0 if maximize else 1.0))
    step_all(*together, np.empty(0, number), *scalars, bool(nesterov), has_buffer, np.array(first, bool))
