"""A case of the gradient check: a function, and the inputs to try it on."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from minitorch_kernels.kernel import use

from ..tensor import Tensor
from .check import gradcheck
from .report import Report

Shape = tuple[int, ...]
Builder = Callable[[np.random.Generator], np.ndarray]


class Setup(NamedTuple):
    """What `gradcheck` needs: the function, its inputs, and their names (None: those of the function's parameters)."""

    fn: Callable[..., Any]
    inputs: list[Tensor]
    names: list[str] | None = None


@dataclass(frozen=True)
class Case:
    """One row of the table: a check of the function of this name.

    setup makes everything anew from a random generator. sample limits how many elements of each input are checked;
    implementation is the one that kernels are held to. atol and rtol are those of `gradcheck`.
    """

    function: str
    label: str
    setup: Callable[[np.random.Generator], Setup]
    sample: int | None = None
    implementation: str | None = None
    atol: float = 1e-9
    rtol: float = 1e-7

    @property
    def name(self) -> str:
        """What the table and the tests call it."""
        return " ".join(part for part in (self.function, self.label, self.implementation) if part)

    def seeded(self, device: Any = "cpu") -> Setup:
        """The setup, the same each time and for each implementation, with its inputs on `device`."""
        setup = self.setup(np.random.default_rng(zlib.crc32(f"{self.function} {self.label}".encode())))
        for tensor in setup.inputs:
            tensor.data = tensor.data.to(device)  # the same tensor, which a module may hold as its parameter
        return setup

    def check(self, device: Any = "cpu", sample: int | None = None) -> Report:
        """The gradient check of this case on a device, by default of as many elements as the case says."""
        fn, inputs, names = self.seeded(device)
        with use(self.implementation) if self.implementation else nullcontext():
            return gradcheck(fn, inputs, atol=self.atol, rtol=self.rtol, sample=sample or self.sample, names=names)


def case(function: str, label: str, fn: Callable[..., Any], *inputs: Shape | Builder) -> Case:
    """A check of every element of the inputs of `fn`; an input given as a shape is drawn by `spread`."""
    builders = [build if callable(build) else spread(build) for build in inputs]

    def setup(rng: np.random.Generator) -> Setup:
        return Setup(fn, [Tensor(build(rng), requires_grad=True) for build in builders])

    return Case(function, label, setup)


def beside(x: Tensor, values: Any) -> Tensor:
    """A constant on the device of `x`, floats in its type: a tensor, or an array whose memory may be shared."""
    constant = values if isinstance(values, Tensor) else Tensor(values)
    return constant.to(x.device, dtype=x.dtype if constant.is_floating_point() else None)


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
