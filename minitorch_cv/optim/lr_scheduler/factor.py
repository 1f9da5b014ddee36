"""Schedules that multiply the present rate by a factor at each epoch, so that several of them can be chained."""

from __future__ import annotations

from collections.abc import Iterable

from ..optimizer import Optimizer
from .base import LRScheduler, check_milestones, check_positive_integer


class FactorLR(LRScheduler):
    """lr_t = f(t) lr_{t-1}, where lr_{-1} is the rate before the schedule was made; subclasses define f.

    The product over epochs is the schedule; a rate changed in between is multiplied from there on.
    """

    def factor(self, epoch: int) -> float:
        """f(epoch)."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        factor = self.factor(self.last_epoch)
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def restart_lr(self) -> list[float]:
        return [base_lr * self.factor(0) for base_lr in self.base_lrs]


class StepLR(FactorLR):
    """lr_t = lr_0 gamma^floor(t / step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        check_positive_integer(self, "step_size", step_size)
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.gamma if epoch > 0 and epoch % self.step_size == 0 else 1.0


class MultiStepLR(FactorLR):
    """lr_t = lr_0 gamma^(number of milestones <= t); a milestone given twice counts twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones = list(milestones)
        self.gamma = gamma
        check_milestones(self, self.milestones)
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return self.gamma ** self.milestones.count(epoch)


class ConstantLR(FactorLR):
    """lr_t = factor lr_0 for t < total_iters, then lr_0."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 < factor <= 1:
            raise ValueError(
                f"ConstantLR: factor={factor} must be above 0 and at most 1, the rate is divided by it in the end"
            )
        check_positive_integer(self, "total_iters", total_iters)
        self.start_factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        return 1.0 / self.start_factor if epoch == self.total_iters else 1.0


class LinearLR(FactorLR):
    """lr_t = lr_0 (s + (e - s) min(t, T) / T) with s = start_factor, e = end_factor, T = total_iters.

    As a recursion: f(t) = 1 + (e - s) / (T s + (t - 1) (e - s)) for 1 <= t <= T.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor={start_factor} must be above 0 and at most 1")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor={end_factor} must be between 0 and 1")
        check_positive_integer(self, "total_iters", total_iters)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        if epoch == 0:
            return self.start_factor
        if self._is_initial or epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (epoch - 1) * rise)


class ExponentialLR(FactorLR):
    """lr_t = lr_0 gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        return 1.0 if self._is_initial or epoch == 0 else self.gamma


class PolynomialLR(FactorLR):
    """lr_t = lr_0 (1 - min(t, T) / T)^power with T = total_iters."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        check_positive_integer(self, "total_iters", total_iters)
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        if self._is_initial or epoch == 0 or epoch > self.total_iters:
            return 1.0
        return ((1.0 - epoch / self.total_iters) / (1.0 - (epoch - 1) / self.total_iters)) ** self.power
