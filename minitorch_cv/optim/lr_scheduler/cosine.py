"""Schedules that fall along half a cosine."""

from __future__ import annotations

import math

from ...listening import told, when_captured
from ..optimizer import Optimizer
from .base import LRScheduler, check_positive_integer, current_rates


def half_cosine(start: float, end: float, position: float) -> float:
    """From start at position 0 to end at position 1: end + (start - end) (1 + cos(pi position)) / 2."""
    return end + (start - end) * (1 + math.cos(math.pi * position)) / 2


class CosineAnnealingLR(LRScheduler):
    """lr_t = eta_min + (lr_0 - eta_min) (1 + cos(pi t / T_max)) / 2; after T_max the rate rises again.

    Computed from the rate before, so that it can be chained. Source: Loshchilov & Hutter 2016, without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        if T_max <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max={T_max} must be above 0, it is the number of steps to eta_min")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        rates = current_rates(self.optimizer.param_groups)
        if self._is_initial:
            return rates
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            # The rate before is eta_min: the ratio below would be 0 / 0.
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [rate + (base_lr - self.eta_min) * rise for rate, base_lr in zip(rates, self.base_lrs)]
        now, before = (1 + math.cos(math.pi * t / self.T_max) for t in (self.last_epoch, self.last_epoch - 1))
        return [now / before * (rate - self.eta_min) + self.eta_min for rate in rates]

    def restart_lr(self) -> list[float]:
        return list(self.base_lrs)


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr_t = eta_min + (lr_0 - eta_min) (1 + cos(pi T_cur / T_i)) / 2, back at lr_0 after T_i steps.

    T_cur counts the steps since the last restart; the first cycle has T_i = T_0 steps, each next one T_mult times as
    many. Source: Loshchilov & Hutter 2016.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        check_positive_integer(self, "T_0", T_0)
        check_positive_integer(self, "T_mult", T_mult)
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [half_cosine(base_lr, self.eta_min, self.T_cur / self.T_i) for base_lr in self.base_lrs]

    @told
    @when_captured("host")
    def step(self, epoch: float | None = None) -> None:
        """One step further, or to `epoch`, which may lie between whole epochs: epoch + batch / batches."""
        if epoch is None and self.last_epoch >= 0:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go_to(epoch or 0)
        self._write(self.get_lr())

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch={epoch} must not be negative")
        self.last_epoch = math.floor(epoch)
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur %= self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
