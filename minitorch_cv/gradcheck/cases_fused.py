"""Gradient checks of the operations that carry out several steps in one pass."""

from __future__ import annotations

import numpy as np

from ..nn import functional as F
from ..ops import fused
from ..tensor import Tensor
from .case import Case, beside, case, on_both_implementations

MAPS, AFFINE = (3, 2, 2, 3), (2,)
TWO_BY_TWO = ((2, 2), (2, 2), (0, 0))


def normalisations() -> list[Case]:
    """Batch normalisation with a sum, a ReLU, or both behind it."""
    mean, var = Tensor(np.array([0.3, -1.0])), Tensor(np.array([0.5, 2.0]))

    def training(x: Tensor, w: Tensor, b: Tensor, residual: Tensor | None = None, relu: bool = True) -> Tensor:
        return fused.batch_norm_add_relu(x, None, None, w, b, training=True, residual=residual, relu=relu)

    def inference(x: Tensor, w: Tensor, b: Tensor, residual: Tensor | None = None, relu: bool = True) -> Tensor:
        return fused.batch_norm_add_relu(
            x, beside(x, mean), beside(x, var), w, b, eps=0.1, residual=residual, relu=relu
        )

    def sum_alone(x: Tensor, w: Tensor, b: Tensor, residual: Tensor) -> Tensor:
        return training(x, w, b, residual, relu=False) + inference(x, w, b, residual, relu=False)

    return [
        case("batch_norm_add_relu", "training", training, MAPS, AFFINE, AFFINE, MAPS),
        case("batch_norm_add_relu", "training, no sum", training, MAPS, AFFINE, AFFINE),
        case("batch_norm_add_relu", "inference", inference, MAPS, AFFINE, AFFINE, MAPS),
        case("batch_norm_add_relu", "inference, no sum", inference, MAPS, AFFINE, AFFINE),
        case("batch_norm_add_relu", "no relu", sum_alone, MAPS, AFFINE, AFFINE, MAPS),
        case("tanh", "maps", F.tanh, MAPS),
        case("add_relu", "", fused.add_relu, MAPS, MAPS),
    ]


def pools() -> list[Case]:
    """Each activation in front of each pooling, windows that overlap and windows that do not."""

    def average(label: str, activation: str, x: tuple[int, ...], *windows: tuple[int, int]) -> Case:
        def operation(x: Tensor) -> Tensor:
            return fused.activation_avg_pool(x, activation, *windows, False, True, None)

        return case("activation_avg_pool", f"{activation}, {label}", operation, x)

    def largest(label: str, activation: str, x: tuple[int, ...], *windows: tuple[int, int]) -> Case:
        def operation(x: Tensor) -> Tensor:
            return fused.activation_max_pool(x, activation, *windows, (1, 1), False)

        return case("activation_max_pool", f"{activation}, {label}", operation, x)

    overlapping = ((3, 3), (2, 1), (1, 0))
    return [
        build(label, activation, shape, *windows)
        for build in (average, largest)
        for activation in ("relu", "sigmoid", "tanh")
        for label, shape, windows in (
            ("2x2", (2, 2, 4, 4), TWO_BY_TWO),
            ("overlapping", (2, 1, 5, 4), overlapping),
        )
    ]


CASES = on_both_implementations([*normalisations(), *pools()])
