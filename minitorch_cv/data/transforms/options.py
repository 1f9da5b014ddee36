"""What the arguments of several transforms have in common, and the errors for them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

Pair = tuple[int, int]


class InterpolationMode(StrEnum):
    """How pixels are made between pixels; the plain names "bilinear" and "nearest" serve as well."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


def interpolation_mode(interpolation: str, antialias: bool | None, name: str) -> InterpolationMode:
    """The mode of this name. ValueError for others, and for bilinear without antialiasing."""
    if interpolation not in tuple(InterpolationMode):
        raise ValueError(f"{name}: interpolation {interpolation!r} is not supported; choose 'bilinear' or 'nearest'")
    mode = InterpolationMode(interpolation)
    if mode is InterpolationMode.BILINEAR and not antialias:
        raise ValueError(f"{name}: bilinear always smooths, got antialias={antialias}; set it to True or use 'nearest'")
    return mode


def height_and_width(size: int | Sequence[int], name: str) -> Pair:
    """An int gives a square. ValueError for what is neither one nor two positive whole numbers."""
    pair = (size,) if isinstance(size, int) else tuple(size)
    if len(pair) not in (1, 2) or any(length < 1 for length in pair):
        raise ValueError(f"{name}: size is a positive whole number or (height, width), got {size!r}")
    return pair[0], pair[-1]


def probability(p: float, name: str) -> float:
    """p itself; ValueError outside [0, 1]."""
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p={p} is not a probability; choose one from 0 to 1")
    return p
