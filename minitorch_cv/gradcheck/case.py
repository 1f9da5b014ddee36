"""A case of the gradient check: a function, and the inputs to try it on."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minitorch_kernels.kernel import use

from ..tensor import Tensor
from .check import gradcheck
from .report import Report

Shape = tuple[int, ...]
Builder = Callable[[np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Case:
    """One row of the table: `fn` on inputs drawn by `builders`, for the operation of this name.

    sample limits how many elements of each input are checked; implementation is the one that kernels are held to.
    """

    operation: str
    label: str
    fn: Callable[..., Any]
    builders: tuple[Builder, ...]
    sample: int | None = None
    implementation: str | None = None
    names: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What the table and the tests call it."""
        return " ".join(part for part in (self.operation, self.label, self.implementation) if part)

    def inputs(self) -> list[Tensor]:
        """Leaf tensors in float64 that require grad, the same ones each time."""
        rng = np.random.default_rng(zlib.crc32(f"{self.operation} {self.label}".encode()))
        return [Tensor(np.array(build(rng), np.float64), requires_grad=True) for build in self.builders]

    def check(self) -> Report:
        """The gradient check of this case."""
        with use(self.implementation) if self.implementation else nullcontext():
            return gradcheck(self.fn, self.inputs(), sample=self.sample, names=self.names)


def case(
    operation: str, label: str, fn: Callable[..., Any], *inputs: Shape | Builder, sample: int | None = None
) -> Case:
    """A case; an input given as a shape is drawn by `spread`."""
    builders = tuple(build if callable(build) else spread(build) for build in inputs)
    return Case(operation, label, fn, builders, sample)


def on_both_implementations(cases: list[Case]) -> list[Case]:
    """Each case twice: on the kernels that run by default, and on the references."""
    return [variant for c in cases for variant in (c, replace(c, implementation="reference"))]


def spread(shape: Shape, low: float = 0.1, high: float = 1.3) -> Builder:
    """Numbers of either sign whose sizes lie low..high, evenly apart: no two are near each other, none is near 0."""
    sizes = positive(shape, low, high)
    return lambda rng: sizes(rng) * rng.choice([-1.0, 1.0], shape)


def positive(shape: Shape, low: float = 0.1, high: float = 1.3) -> Builder:
    """Numbers low..high, evenly apart, in random order."""
    count = int(np.prod(shape))

    def build(rng: np.random.Generator) -> np.ndarray:
        places = rng.permutation(count) + rng.uniform(0.2, 0.8, count)
        return (low + (high - low) * places / max(count, 1)).reshape(shape)

    return build


def exactly(values: Any) -> Builder:
    """These numbers."""
    return lambda rng: np.array(values, np.float64)
