"""Gradient checks of normalisation without a batch, and of what is dropped in whole pieces, on both implementations."""

from __future__ import annotations

from typing import Any

from ..nn import functional as F
from ..random import Generator
from .case import Case, case, on_both_implementations


def by_neighbours() -> list[Case]:
    """Local response normalisation, with large alphas, so that the sum matters."""

    def norm(label: str, x: tuple[int, ...], *options: Any) -> Case:
        return case("local_response_norm", label, lambda x: F.local_response_norm(x, *options), x)

    return [
        norm("", (2, 5, 2, 2), 3, 0.9, 0.75),
        norm("even window", (2, 5, 3), 4, 0.9, 0.6, 2.0),
        norm("window wider than all channels", (2, 3, 2, 1), 9, 2.0, 0.75, 0.5),
    ]


def dropped_branches() -> list[Case]:
    """Stochastic depth under a seed, so that the mask stays the same."""

    def seeded(mode: str, p: float) -> Any:
        return lambda x: F.stochastic_depth(x, p, mode, generator=Generator().manual_seed(0))

    return [
        case("stochastic_depth", "row", seeded("row", 0.5), (4, 2, 3)),
        case("stochastic_depth", "batch", seeded("batch", 0.1), (2, 3)),
    ]


CASES = on_both_implementations([*by_neighbours(), *dropped_branches()])
