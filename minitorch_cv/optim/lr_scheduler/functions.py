"""Schedules given by functions of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..optimizer import Optimizer
from .base import LRScheduler, current_rates, per_group

Factor = Callable[[int], float]


class LambdaLR(LRScheduler):
    """lr_t = lr_0 lambda(t); one function for all groups, or a list with one for each.

    The functions are not part of state_dict().
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1):
        self.optimizer = self.checked(optimizer)
        self.lr_lambdas = checked_functions(self, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base_lr * function(self.last_epoch) for base_lr, function in zip(self.base_lrs, self.lr_lambdas)]


class MultiplicativeLR(LRScheduler):
    """lr_t = lambda(t) lr_{t-1} for t >= 1; one function for all groups, or a list with one for each.

    The functions are not part of state_dict().
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1):
        self.optimizer = self.checked(optimizer)
        self.lr_lambdas = checked_functions(self, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        rates = current_rates(self.optimizer.param_groups)
        if self._is_initial:
            return rates
        return [rate * function(self.last_epoch) for rate, function in zip(rates, self.lr_lambdas)]


def checked_functions(scheduler: LRScheduler, lr_lambda: Factor | Sequence[Factor]) -> list[Factor]:
    """One function for each parameter group; TypeError for what cannot be called."""
    functions = per_group(scheduler, "lr_lambda", lr_lambda)
    for function in functions:
        if not callable(function):
            raise TypeError(f"{scheduler.name}: lr_lambda must be a function of the epoch, got {function!r}")
    return functions
