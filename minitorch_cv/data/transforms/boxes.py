"""Random boxes of a given share of an image's area and a given shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ATTEMPTS = 10  # as many as torchvision makes


def draw_sizes(
    count: int, area: int, scale: Sequence[float], ratio: Sequence[float], generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Two sides a, b for each of `count` boxes and each attempt, int64 (N, ATTEMPTS).

    The product a b is about a share of the area that is uniform in `scale`, the logarithm of a / b is uniform in that
    of `ratio`.
    """
    wanted = area * generator.uniform(scale[0], scale[1], (count, ATTEMPTS))
    ratios = np.exp(generator.uniform(np.log(ratio[0]), np.log(ratio[1]), (count, ATTEMPTS)))
    a, b = np.sqrt(wanted * ratios), np.sqrt(wanted / ratios)
    return np.rint(a).astype(np.int64), np.rint(b).astype(np.int64)


def first_that_fits(fits: np.ndarray, *sides: np.ndarray) -> list[np.ndarray]:
    """Of each row the entries at the first True of `fits`, (N, ATTEMPTS) -> (N,); where there is none, the first."""
    rows, first = np.arange(len(fits)), fits.argmax(axis=1)
    return [side[rows, first] for side in sides]


def checked_range(values: Sequence[float], low: float, high: float, what: str) -> tuple[float, float]:
    """(smallest, largest) itself; ValueError where it is no range inside [low, high]."""
    if len(values) != 2 or not low <= values[0] <= values[1] <= high:
        raise ValueError(f"{what} {values} is no range (smallest, largest) between {low:g} and {high:g}")
    return values[0], values[1]


def checked_ratio(ratio: Sequence[float], name: str) -> tuple[float, float]:
    """A range of ratios, all above 0."""
    smallest, largest = checked_range(ratio, 0, float("inf"), f"{name}: ratio")
    if smallest == 0:
        raise ValueError(f"{name}: ratio {ratio} begins at 0; a side cannot be 0 times the other, begin above it")
    return smallest, largest
