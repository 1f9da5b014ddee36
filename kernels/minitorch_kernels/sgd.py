"""One step of stochastic gradient descent on one parameter array, in place."""

from __future__ import annotations

import numpy as np

from .jit import jit, prange
from .kernel import Kernel
from .optimizer_step import CHUNK, check_shapes, run_step


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


sgd_step = Kernel("sgd_step", sgd_step_reference, sgd_step_cpu)
