"""Gradient checks of normalisation of each image by itself, embeddings, and what is dropped in whole pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn import functional as F
from ..nn.sync_batchnorm import batch_norm_of_all_ranks
from ..random import Generator
from ..tensor import Tensor
from .case import Case, beside, case, on_both_implementations

NUMBERS = Tensor(np.array([[2, 0, 1], [2, 2, 0]]))


def by_groups() -> list[Case]:
    """Group, layer and instance norms, with and without weights."""

    def groups(label: str, num_groups: int, x: tuple[int, ...], *affine: tuple[int, ...]) -> Case:
        return case("group_norm", label, lambda x, *affine: F.group_norm(x, num_groups, *affine), x, *affine)

    def layer(label: str, shape: tuple[int, ...], x: tuple[int, ...], *affine: tuple[int, ...]) -> Case:
        return case("layer_norm", label, lambda x, *affine: F.layer_norm(x, shape, *affine), x, *affine)

    def instance(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        return F.instance_norm(x, weight=weight, bias=bias)

    def keeping_averages(x: Tensor) -> Tensor:
        return F.instance_norm(x, beside(x, np.zeros(2)), beside(x, np.ones(2)))

    return [
        groups("images", 2, (2, 4, 2, 2), (4,), (4,)),
        groups("sequences, one group", 1, (3, 2, 3), (2,), (2,)),
        groups("rows", 2, (3, 6), (6,), (6,)),
        groups("no weight", 2, (2, 4, 3)),
        groups("weight only", 3, (2, 3, 2, 2), (3,)),
        layer("rows", (4,), (3, 4), (4,), (4,)),
        layer("two axes", (2, 3), (2, 2, 2, 3), (2, 3), (2, 3)),
        layer("all axes", (2, 3), (2, 3), (2, 3), (2, 3)),
        layer("no weight", (3,), (2, 2, 3)),
        case("instance_norm", "", instance, (2, 2, 2, 3), (2,), (2,)),
        case("instance_norm", "no weight", instance, (2, 2, 4)),
        case("instance_norm", "running averages kept", keeping_averages, (2, 2, 4)),
    ]


def of_all_ranks() -> list[Case]:
    """Batch norm over several processes, here over the only one there is."""

    def norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        return batch_norm_of_all_ranks(x, weight, bias, 1e-5)[0]

    return [
        case("batch_norm_of_all_ranks", "", norm, (3, 2, 2, 2), (2,), (2,)),
        case("batch_norm_of_all_ranks", "no weight", norm, (4, 3)),
    ]


def by_neighbours() -> list[Case]:
    """Local response normalisation, with large alphas, so that the sum matters."""

    def norm(label: str, x: tuple[int, ...], *options: Any) -> Case:
        return case("local_response_norm", label, lambda x: F.local_response_norm(x, *options), x)

    return [
        norm("", (2, 5, 2, 2), 3, 0.9, 0.75),
        norm("even window", (2, 5, 3), 4, 0.9, 0.6, 2.0),
        norm("window wider than all channels", (2, 3, 2, 1), 9, 2.0, 0.75, 0.5),
    ]


def embeddings() -> list[Case]:
    """A table of which rows are read more than once, and never."""
    return [case("embedding", "", lambda w: F.embedding(beside(w, NUMBERS), w), (4, 2))]


def dropped_pieces() -> list[Case]:
    """Channels and branches dropped under a seed, so that the mask stays the same."""

    def seeded(mode: str, p: float) -> Any:
        return lambda x: F.stochastic_depth(x, p, mode, generator=Generator(x.device).manual_seed(0))

    return [
        case("stochastic_depth", "row", seeded("row", 0.5), (4, 2, 3)),
        case(
            "dropout2d", "", lambda x: F.dropout2d(x, 0.4, generator=Generator(x.device).manual_seed(1)), (3, 3, 2, 2)
        ),
        case("stochastic_depth", "batch", seeded("batch", 0.1), (2, 3)),
    ]


CASES = on_both_implementations([*by_groups(), *of_all_ranks(), *by_neighbours(), *embeddings(), *dropped_pieces()])
