"""A schedule that waits until the training stops getting better."""

from __future__ import annotations

import math
from typing import SupportsFloat

from ...listening import told
from ..optimizer import Optimizer
from .base import LRScheduler, current_rates, per_group


class ReduceLROnPlateau(LRScheduler):
    """lr = max(factor lr, min_lr) after more than `patience` epochs in which the metric was no better than the best.

    Better than the best b means below b (1 - threshold), or below b - threshold with threshold_mode "abs"; above with
    mode "max". For `cooldown` epochs after a reduction no bad epoch counts. Changes of eps or less are left out.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ):
        self.optimizer = self.checked(optimizer)
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor={factor} must be below 1")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode={mode!r} must be 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode={threshold_mode!r} must be 'rel' or 'abs'")
        per_group(self, "min_lr", min_lr)
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lr = min_lr
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = current_rates(optimizer.param_groups)

    @told
    def step(self, metrics: SupportsFloat) -> None:  # type: ignore[override]
        """Look at this epoch's metric: a validation loss, or an accuracy with mode "max"."""
        metric = float(metrics)
        self.last_epoch += 1
        if self.is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = current_rates(self.optimizer.param_groups)
        if self.num_bad_epochs > self.patience:
            rates = self._reduced(rates)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._write(rates)

    def is_better(self, metric: float) -> bool:
        """True where metric beats the best by more than the threshold; a NaN never does."""
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bar = self.best * (1 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return sign * metric > sign * bar

    def _reduced(self, rates: list[float]) -> list[float]:
        lower = [max(rate * self.factor, least) for rate, least in zip(rates, per_group(self, "min_lr", self.min_lr))]
        return [new if old - new > self.eps else old for old, new in zip(rates, lower)]
