"""Parameters as one vector, and gradients kept within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from minitorch_kernels.arrays import array_module, is_on_gpu, on_gpu_of

from ..graph import no_grad
from ..listening import told
from ..ops import shape
from ..ops.inplace import overwrite_memory
from ..tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters behind each other, as one vector; gradients flow back through it."""
    return shape.cat([shape.reshape(parameter, -1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the parts of a vector into the parameters, in their order. ValueError where the lengths differ."""
    targets = list(parameters)
    total = sum(target.numel() for target in targets)
    if vec.shape != (total,):
        raise ValueError(f"vector_to_parameters: the parameters have {total} elements but vec has shape {vec.shape}")
    start = 0
    with no_grad():
        for target in targets:
            target.copy_(vec[start : start + target.numel()].reshape(target.shape))
            start += target.numel()


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients down together so that their norm, as one vector, is at most max_norm.

    Returns the norm before. norm_type: 2, another power, or inf for the largest magnitude. RuntimeError for a norm that
    is not finite, if asked for. Source: Dive into Deep Learning, section 9.5.
    """
    return scale_to_norm(listed(parameters), max_norm, norm_type, error_if_nonfinite)


@told
@no_grad()
def scale_to_norm(parameters: list[Tensor], max_norm: float, norm_type: float, error_if_nonfinite: bool) -> Tensor:
    """`clip_grad_norm_` for a list of parameters."""
    grads = gradients(parameters)
    places = {grad.device for grad in grads}
    if len(places) == 1 and is_on_gpu(grads[0]._array) and not error_if_nonfinite:
        return scale_on_gpu(grads, max_norm, norm_type)
    norms = np.array([np.linalg.norm(host(grad).reshape(-1).astype(np.float64), norm_type) for grad in grads])
    total = float(np.linalg.norm(norms, norm_type)) if grads else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {total}; they cannot be clipped")
    scale = max_norm / (total + 1e-6)
    if not scale >= 1:  # also for NaN, which spreads as in torch
        for grad in grads:
            grad.mul_(scale)
    return Tensor(np.asarray(total, grads[0].dtype if grads else np.float32))


def host(grad: Tensor) -> np.ndarray:
    """The array of a gradient, on the CPU."""
    return grad.cpu()._array


def scale_on_gpu(grads: list[Tensor], max_norm: float, norm_type: float) -> Tensor:
    """The same where the gradients are: nothing waits for the norm, and a CUDA graph can hold it."""
    xp = array_module(grads[0]._array)
    with on_gpu_of((grads[0]._array,)):
        sizes = [xp.abs(grad._array.astype(np.float64)) for grad in grads]
        if norm_type == math.inf:
            total = xp.stack([size.max() for size in sizes]).max()
        else:
            total = xp.stack([(size**norm_type).sum() for size in sizes]).sum() ** (1 / norm_type)
        scale = xp.minimum(max_norm / (total + 1e-6), 1)  # NaN spreads
        for grad in grads:
            overwrite_memory(grad, ..., grad._array * scale.astype(grad.dtype))
        return Tensor(total.astype(grads[0].dtype))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of the gradients to ±clip_value."""
    limit(listed(parameters), clip_value)


@told
@no_grad()
def limit(parameters: list[Tensor], clip_value: float) -> None:
    """`clip_grad_value_` for a list of parameters."""
    for grad in gradients(parameters):
        grad.clamp_(-clip_value, clip_value)


def listed(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """One parameter or several, as a list."""
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def gradients(parameters: list[Tensor]) -> list[Tensor]:
    """The gradients there are."""
    return [tensor.grad for tensor in parameters if tensor.grad is not None]
