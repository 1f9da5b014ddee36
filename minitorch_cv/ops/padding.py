"""`pad`: margins around a tensor, filled with a constant or with its own elements; negative widths cut off."""

from __future__ import annotations

from typing import Any

import numpy as np

from minitorch_kernels.arrays import Array, array_module

from ..tensor import Tensor
from .differentiable import differentiable

Width = tuple[int, int]  # before the first and after the last element of an axis

RANKS = {2: (2, 3), 4: (3, 4), 6: (4, 5)}  # for so many widths, the ranks that torch pads with the input's own elements


def pad(input: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Tensor:
    """y = x with margins: `pad` lists (before, after) of the last axis, then of the one before it, and so on.

    mode "constant" fills with `value` (0); "reflect" mirrors at the edge, which is not repeated; "replicate" repeats
    the edge; "circular" goes on at the other end. Negative widths cut elements off. The last three modes take the ranks
    that torch takes: 2 widths for 2 or 3 axes, 4 for 3 or 4, 6 for 4 or 5. RuntimeError where x is too small.
    """
    widths = width_of_axes(input.shape, tuple(int(width) for width in pad))
    if mode == "constant":
        return pad_constant(input, widths, 0 if value is None else value)
    if mode not in SOURCES:
        raise NotImplementedError(f"pad: mode={mode!r}; choose 'constant', 'reflect', 'replicate' or 'circular'")
    if value:
        raise RuntimeError(f"pad: mode={mode!r} takes no value, got {value}; leave it out or use mode='constant'")
    if input.ndim not in RANKS.get(len(pad), ()):
        raise NotImplementedError(
            f"pad: {len(pad)} widths for shape {input.shape} with mode={mode!r}; give 2 widths for 2 or 3 axes, "
            "4 for 3 or 4, 6 for 4 or 5"
        )
    y = input
    for axis, width in enumerate(widths):
        if width != (0, 0):
            check_margin(mode, input.shape, axis, width)
            y = pad_axis(y, axis, width, mode)
    return y if y is not input else input.clone()


def width_of_axes(shape: tuple[int, ...], pad: tuple[int, ...]) -> tuple[Width, ...]:
    """torch's flat list, last axis first -> one (before, after) for each axis, first axis first."""
    if len(pad) % 2 or len(pad) > 2 * len(shape):
        raise RuntimeError(
            f"pad: {len(pad)} widths {pad} for shape {shape}; give two for each axis, last axis first, "
            f"at most {2 * len(shape)}"
        )
    given = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    widths = ((0, 0),) * (len(shape) - len(given)) + tuple(reversed(given))
    for axis, (n, (before, after)) in enumerate(zip(shape, widths)):
        if n + min(before, 0) + min(after, 0) < 0:
            raise RuntimeError(
                f"pad: widths ({before}, {after}) cut more than the {n} elements of axis {axis} of shape {shape}"
            )
    return widths


@differentiable
def pad_constant(input: Array, widths: tuple[Width, ...], value: Any) -> Any:
    """y = x inside, `value` in the margins; dx = dy inside, 0 where x was cut off."""
    xp, shape = array_module(input), input.shape
    inside = tuple(
        slice(max(before, 0), max(before, 0) + kept(n, before, after)) for n, (before, after) in zip(shape, widths)
    )
    taken = tuple(
        slice(max(-before, 0), max(-before, 0) + kept(n, before, after)) for n, (before, after) in zip(shape, widths)
    )
    padded = tuple(n + before + after for n, (before, after) in zip(shape, widths))
    y = xp.full_like(input, value, shape=padded)
    y[inside] = input[taken]

    def dx(dy: Array) -> Array:
        gradient = xp.zeros_like(dy, shape=shape)
        gradient[taken] = dy[inside]
        return gradient

    return y, (dx,)


def kept(n: int, before: int, after: int) -> int:
    """How many of the n elements of an axis are left after negative widths."""
    return n + min(before, 0) + min(after, 0)


@differentiable
def pad_axis(input: Array, axis: int, width: Width, mode: str) -> Any:
    """y_i = x_source(i) along one axis; each dx_j is the sum of dy_i over the places i that copied j."""
    xp, shape, n = array_module(input), input.shape, input.shape[axis]
    before, after = width
    sources = SOURCES[mode](np.arange(-before, n + after), n, before, after)
    y = xp.empty_like(input, shape=(*shape[:axis], len(sources), *shape[axis + 1 :]))
    copied = runs(sources, (slice(None),) * axis)
    for places, source, _ in copied:
        y[places] = input[source]

    def dx(dy: Array) -> Array:
        gradient = xp.zeros_like(dy, shape=shape)
        for places, source, repeated in copied:
            gradient[source] += dy[places].sum(axis, keepdims=True) if repeated else dy[places]
        return gradient

    return y, (dx,)


def runs(sources: np.ndarray, lead: tuple[slice, ...]) -> list[tuple[Any, Any, bool]]:
    """Stretches of places that copy elements going up, going down, or one again and again.

    Each as an index of the places, one of their sources, and whether that is a single element; `lead` goes in front.
    """
    found = []
    start = 0
    while start < len(sources):
        steps = np.diff(sources[start:])
        step = int(steps[0]) if len(steps) and abs(steps[0]) <= 1 else 1
        length = 1 + int((np.append(steps, 2) != step).argmax())  # the 2, which is no step, ends the last run
        first, last = int(sources[start]), int(sources[start + length - 1])
        down_to_0 = step < 0 and last == 0
        source = slice(first, None if down_to_0 else last + (step or 1), step or 1)
        found.append(((*lead, slice(start, start + length)), (*lead, source), step == 0))
        start += length
    return found


def reflected(places: Array, n: int, before: int, after: int) -> Array:
    """... 2 1 | 0 1 2 ... n-1 | n-2 n-3 ..."""
    return n - 1 - abs(n - 1 - abs(places))


def replicated(places: Array, n: int, before: int, after: int) -> Array:
    """... 0 0 | 0 1 2 ... n-1 | n-1 n-1 ..."""
    return places.clip(0, n - 1)


def circular(places: Array, n: int, before: int, after: int) -> Array:
    """... n-2 n-1 | 0 1 2 ... n-1 | 0 1 ..., where what negative widths cut off does not come round again."""
    return max(-before, 0) + (places - max(-before, 0)) % kept(n, before, after)


SOURCES = {"reflect": reflected, "replicate": replicated, "circular": circular}


def check_margin(mode: str, shape: tuple[int, ...], axis: int, width: Width) -> None:
    """RuntimeError where the axis has too few elements to fill a margin of that width."""
    n = shape[axis]
    most = {"reflect": n - 1, "circular": n}.get(mode)
    if most is not None and max(width) > most:
        raise RuntimeError(
            f"pad: mode={mode!r} fills at most {most} elements from the {n} of axis {axis} (shape {shape}), "
            f"got widths {width}; use smaller widths or mode='replicate'"
        )
    if kept(n, *width) < 1:
        raise RuntimeError(f"pad: mode={mode!r} has nothing to copy: widths {width} for axis {axis} of shape {shape}")
