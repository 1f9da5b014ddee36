"""The schedules of Dive into Deep Learning, section 12.11, as functions for LambdaLR: rate = initial rate * f(t)."""

from __future__ import annotations

from collections.abc import Callable

from .cosine import half_cosine


def inverse_time(decay: float) -> Callable[[int], float]:
    """f(t) = 1 / (1 + decay t)."""
    check_decay("inverse_time", decay)
    return lambda step: 1 / (1 + decay * step)


def inverse_square_root(decay: float = 1.0) -> Callable[[int], float]:
    """f(t) = 1 / sqrt(1 + decay t); the book's square-root schedule has decay 1."""
    check_decay("inverse_square_root", decay)
    return lambda step: (1 + decay * step) ** -0.5


def cosine_with_warmup(warmup_steps: int, max_steps: int, final: float = 0.0) -> Callable[[int], float]:
    """f(t) = t / w for t < w, then final + (1 - final) (1 + cos(pi (t - w) / (T - w))) / 2, and final from T on.

    w = warmup_steps, T = max_steps (the warm-up counts), final: the last rate as a fraction of the initial rate.
    """
    if not 0 <= warmup_steps < max_steps:
        raise ValueError(
            f"cosine_with_warmup: warmup_steps={warmup_steps} must be from 0 to below max_steps={max_steps}"
        )

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / warmup_steps
        if step >= max_steps:
            return final
        return half_cosine(1.0, final, (step - warmup_steps) / (max_steps - warmup_steps))

    return factor


def check_decay(name: str, decay: float) -> None:
    """ValueError for a decay that would make the rate grow without bound."""
    if decay < 0:
        raise ValueError(f"{name}: decay={decay} must not be negative")
