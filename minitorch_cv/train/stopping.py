"""Ending a training that no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .loop import StopTraining
from .progress import Epoch

METRICS = {"train_loss": -1, "train_acc": 1, "test_acc": 1}  # the sign of getting better


class EarlyStopping:
    """Stops the training after `patience` epochs in a row in which the metric did not beat its best by min_delta.

    `fit(..., on_epoch=EarlyStopping(3))`. metric: an entry of Epoch, of which a loss gets better by falling.
    history: the epochs before a resumed run goes on (`progress.history`); nothing else has to be kept of it.
    """

    def __init__(self, patience: int, metric: str = "test_acc", min_delta: float = 0.0, history: Iterable[Epoch] = ()):
        if metric not in METRICS:
            raise ValueError(f"EarlyStopping: metric={metric!r}; choose one of {', '.join(METRICS)}")
        if patience < 1 or min_delta < 0:
            raise ValueError(
                f"EarlyStopping: patience={patience} must be at least 1 and min_delta={min_delta} not below 0"
            )
        self.patience = patience
        self.metric = metric
        self.min_delta = min_delta
        self.best = -math.inf
        self.epochs_without = 0
        for epoch in history:
            self.look_at(epoch)

    def __call__(self, epoch: Epoch) -> None:
        """Look at the epoch that has ended; StopTraining where it was one too many."""
        self.look_at(epoch)
        if self.patience_is_over:
            raise StopTraining(f"{self.metric} did not get better in {self.patience} epochs")

    @property
    def patience_is_over(self) -> bool:
        """True where no further epoch should follow."""
        return self.epochs_without >= self.patience

    def look_at(self, epoch: Epoch) -> None:
        """Compare the epoch with the best one."""
        value = METRICS[self.metric] * getattr(epoch, self.metric)
        if value > self.best + self.min_delta:
            self.best, self.epochs_without = value, 0
        else:
            self.epochs_without += 1
