"""`gradcheck`: compare the gradients of backward with differences of the function's values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, copied, is_on_gpu, is_writable, on_cpu, on_gpu_of

from ..device import moved as on_device
from ..graph import enable_grad, no_grad
from ..tensor import Tensor
from .differences import MACHINE_EPSILON, slope_along
from .report import Element, Report

Function = Callable[..., Any]


def gradcheck(
    fn: Function,
    inputs: Tensor | Sequence[Tensor],
    eps: float | None = None,
    atol: float = 1e-9,
    rtol: float = 1e-7,
    raise_exception: bool = False,
    *,
    sample: int | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Report:
    """Check that backward through `fn(*inputs)` gives dx = Σ dy ∂y/∂x, by differences in float64.

    inputs: tensors; those that require grad are checked. They are moved in place, so fn may also reach them by other
    ways, as a module reaches its parameters: `gradcheck(lambda *_: net(x), list(net.parameters()))`.
    fn returns a tensor or several; those that require grad are weighted with random dy. Where fn draws random numbers,
    it must seed them itself. eps: the step, relative to max(1, |x|); None is the cube root of machine epsilon, 6e-6.
    sample: how many elements of each input, chosen by `seed`; None checks all. names: of the inputs, for the report.

    An element passes where |analytic - numeric| <= atol + rtol max(|analytic|, |numeric|), plus what rounding of the
    outputs may cost. Where the function has a corner or a jump within 1/64 step of the element, the element counts as a
    kink, and neither passes nor fails; a gradient outside the slopes on the two sides fails even there. Also checked:
    forward and backward leave inputs and dy unchanged; a second backward and a second forward give the same bits;
    gradients have the shape and dtype of their input.

    torch's function of this name raises by default and tolerates atol 1e-5, rtol 1e-3; this one returns a Report and
    is stricter by three to four digits, as it extrapolates from two steps.

    Raises TypeError or ValueError for inputs that cannot be checked, RuntimeError for a failure if `raise_exception`.
    """
    tensors = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    labels = input_names(fn, tensors, names)
    refuse_uncheckable(tensors, labels)
    rng = np.random.default_rng(seed)
    report = Report(rtol)
    gradients, cotangent = gradients_twice(fn, tensors, labels, rng, report)
    outputs = values_of(fn, tensors)
    for tensor, label, gradient in zip(tensors, labels, gradients):
        if gradient is None:
            continue
        for index in chosen(tensor.shape, sample, rng):
            value = tensor._array[index].item()
            outputs_at = moved(outputs, tensor._array, index)
            slope = slope_along(outputs_at, value, cotangent, eps or default_step(), atol, rtol)
            analytic = float(gradient[index])
            distance, size = slope.distance(analytic), max(abs(analytic), abs(slope.numeric))
            error = rtol * distance / (atol + rtol * size + slope.rounding) if distance else 0.0
            if slope.kink and error <= rtol:
                report.kinks += 1
            else:
                report.compared(Element(label, index, value, analytic, slope.numeric, error))
    if raise_exception and not report.ok:
        raise RuntimeError(str(report))
    return report


def default_step() -> float:
    """The cube root of machine epsilon, where truncation and rounding of a central difference are of one size."""
    return MACHINE_EPSILON ** (1 / 3)


def input_names(fn: Function, tensors: tuple[Tensor, ...], names: Sequence[str] | None) -> list[str]:
    """The names given, or those of the parameters of `fn`, or "input 0", ..."""
    if names is not None:
        if len(names) != len(tensors):
            raise ValueError(f"gradcheck: {len(names)} names for {len(tensors)} inputs; give one name for each")
        return list(names)
    numbered = [f"input {i}" for i in range(len(tensors))]
    try:
        parameters = list(inspect.signature(fn).parameters.values())[: len(tensors)]
    except (TypeError, ValueError):  # a builtin without a signature
        return numbered
    own = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return own + numbered[len(own) :]


def refuse_uncheckable(tensors: tuple[Tensor, ...], labels: list[str]) -> None:
    """TypeError or ValueError for inputs that are no tensors, too coarse, or in memory that cannot be written."""
    for label, tensor in zip(labels, tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"gradcheck: {label} is a {type(tensor).__name__}, not a Tensor; bind it inside fn")
        if tensor.requires_grad and tensor.dtype != np.float64:
            raise ValueError(
                f"gradcheck: {label} is {tensor.dtype}, too coarse for differences; convert it with .double() "
                "before requires_grad_()"
            )
        if tensor.requires_grad and not tensor.is_leaf:
            raise ValueError(f"gradcheck: {label} was made by {tensor.grad_fn}; pass detach().requires_grad_() instead")
        if tensor.requires_grad and not is_writable(tensor._array):
            raise ValueError(f"gradcheck: {label} shows repeated or read-only memory; pass clone() instead")
    if not any(tensor.requires_grad for tensor in tensors):
        raise ValueError("gradcheck: none of the inputs requires grad; call requires_grad_() on those to check")


def gradients_twice(
    fn: Function, tensors: tuple[Tensor, ...], labels: list[str], rng: np.random.Generator, report: Report
) -> tuple[list[np.ndarray | None], np.ndarray]:
    """The gradient of each input (None where it requires none), and the cotangent of all outputs in one row.

    Everything is done twice, and what changes on the way goes into the report.
    """
    before = [tensor._array.tobytes() for tensor in tensors]

    def note_changes(when: str) -> None:
        for label, tensor, old in zip(labels, tensors, before):
            if tensor._array.tobytes() != old:
                report.problems.append(f"{label} was changed by {when}; it must leave its inputs as they are")

    outputs = differentiable_outputs(fn, tensors)
    note_changes("the forward pass")
    dys = [on_device(random_cotangent(y.shape, rng), y.device) for y in outputs]
    cotangent = in_one_row(dys)
    gradients = backward(outputs, dys, tensors)
    if in_one_row(dys).tobytes() != cotangent.tobytes():
        report.problems.append("dy was changed by the backward pass; it must leave the gradient it is given as it is")
    note_changes("the backward pass")

    if different(gradients, backward(outputs, dys, tensors)):
        report.problems.append(
            "a second backward through the same graph gave other bits; it must not write what it saved"
        )
    again = differentiable_outputs(fn, tensors)
    if different([y._array for y in outputs], [y._array for y in again]):
        report.problems.append("a second forward pass gave other bits; seed the random numbers inside fn")
    elif different(gradients, backward(again, dys, tensors)):
        report.problems.append("forward and backward, run a second time, gave other gradients")

    for label, tensor, gradient in zip(labels, tensors, gradients):
        if gradient is not None and (gradient.shape, gradient.dtype) != (tensor.shape, tensor.dtype):
            raise RuntimeError(
                f"gradcheck: the gradient of {label} has shape {gradient.shape} and {gradient.dtype} but the tensor "
                f"has {tensor.shape} and {tensor.dtype}"
            )
    return gradients, cotangent


def differentiable_outputs(fn: Function, tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """The outputs that require grad. TypeError where fn returns something else, ValueError where there is none."""
    with enable_grad():
        result = fn(*tensors)
    outputs = result if isinstance(result, (tuple, list)) else (result,)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: fn returned a {type(y).__name__}; return a Tensor or a tuple of Tensors")
    outputs = [y for y in outputs if y.requires_grad]
    if not outputs:
        raise ValueError("gradcheck: no output of fn requires grad; use the inputs, and no detach() or no_grad()")
    for y in outputs:
        if y.dtype != np.float64:
            raise ValueError(
                f"gradcheck: fn returned {y.dtype}, too coarse for differences; stay in float64 throughout"
            )
    return outputs


def random_cotangent(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Numbers of either sign and size 0.5 to 1.5: no output is weighed out of sight."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)


def backward(outputs: list[Tensor], dys: list[Array], tensors: tuple[Tensor, ...]) -> list[np.ndarray | None]:
    """The gradients of the inputs, zeros where fn does not depend on one; graph and `.grad` stay as they were."""
    previous = [tensor.grad for tensor in tensors]
    try:
        for tensor in tensors:
            tensor.grad = None
        for y, dy in zip(outputs, dys):
            y.backward(dy, retain_graph=True)
        received = [np.zeros(t.shape) if t.grad is None else host(t.grad._array) for t in tensors]
        return [gradient if t.requires_grad else None for t, gradient in zip(tensors, received)]
    finally:
        for tensor, gradient in zip(tensors, previous):
            tensor.grad = gradient


def host(array: Array) -> np.ndarray:
    """The array itself where it lies on the CPU, else a copy there."""
    return on_cpu(array) if is_on_gpu(array) else array


def different(first: Sequence[Array | None], second: Sequence[Array | None]) -> bool:
    """True where any two arrays differ in a bit."""
    return any(a is not None and b is not None and a.tobytes() != b.tobytes() for a, b in zip(first, second))


def in_one_row(arrays: Sequence[Array]) -> np.ndarray:
    """All elements of all arrays, copied one after the other to the CPU."""
    return np.concatenate([host(array).reshape(-1) for array in arrays])


def values_of(fn: Function, tensors: tuple[Tensor, ...]) -> Callable[[], np.ndarray]:
    """A function that runs `fn` on the tensors as they are then: the differentiable outputs in one row."""
    with enable_grad():
        result = fn(*tensors)
    several = isinstance(result, (tuple, list))
    wanted = [i for i, y in enumerate(result if several else (result,)) if y.requires_grad]

    def values() -> np.ndarray:
        with no_grad():
            result = fn(*tensors)
        outputs = result if several else (result,)
        return in_one_row([outputs[i]._array for i in wanted])

    return values


def moved(values: Callable[[], np.ndarray], array: Array, index: tuple[int, ...]) -> Callable[[float], np.ndarray]:
    """A function of one number: the values with the element at `index` set to it, and set back afterwards."""

    def outputs_at(number: float) -> np.ndarray:
        old = copied(array[index])  # on a GPU an element is a view
        with on_gpu_of((array,)):
            array[index] = number
            try:
                return values()
            finally:
                array[index] = old

    return outputs_at


def chosen(shape: tuple[int, ...], sample: int | None, rng: np.random.Generator) -> Iterator[tuple[int, ...]]:
    """The index of every element, or of `sample` different ones drawn from `rng`."""
    size = int(np.prod(shape))
    places = range(size) if sample is None or sample >= size else np.sort(rng.choice(size, sample, replace=False))
    return (tuple(int(i) for i in np.unravel_index(place, shape)) for place in places)
