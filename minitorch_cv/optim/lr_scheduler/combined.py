"""Schedules made of schedules: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...listening import told, when_captured
from ..optimizer import Optimizer
from .base import LRScheduler, check_milestones, current_rates
from .plateau import ReduceLROnPlateau


class CombinedScheduler(LRScheduler):
    """What SequentialLR and ChainedScheduler share: parts that belong to one optimizer, and their state."""

    NOT_SAVED = LRScheduler.NOT_SAVED | {"_schedulers"}
    REFUSED: tuple[type[LRScheduler], ...] = (ReduceLROnPlateau,)

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        if not schedulers:
            raise ValueError(f"{self.name}: got no scheduler; give at least one")
        self.optimizer = self.checked(schedulers[0].optimizer if optimizer is None else optimizer)
        for i, scheduler in enumerate(schedulers):
            if isinstance(scheduler, self.REFUSED):
                raise ValueError(f"{self.name}: scheduler {i} is a {scheduler.name}, which must be stepped on its own")
            if scheduler.optimizer is not self.optimizer:
                raise ValueError(f"{self.name}: scheduler {i} ({scheduler.name}) belongs to another optimizer")
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        parts = state_dict.get("_schedulers", [])
        if len(parts) != len(self._schedulers):
            raise ValueError(
                f"{self.name}: state_dict has {len(parts)} schedulers but there are {len(self._schedulers)}"
            )
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "_schedulers"})
        for scheduler, part in zip(self._schedulers, parts):
            scheduler.load_state_dict(part)


class ChainedScheduler(CombinedScheduler):
    """Steps all schedulers, one right after the other: the factors of all of them multiply."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        self._take(schedulers, optimizer)
        self.last_epoch = 0
        self._last_lr = current_rates(self.optimizer.param_groups)

    @told
    @when_captured("host")
    def step(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()
        self.last_epoch += 1
        self._last_lr = current_rates(self.optimizer.param_groups)


class SequentialLR(CombinedScheduler):
    """Scheduler i from epoch milestones[i - 1] to milestones[i], each counting from 0 again when its turn comes.

    ValueError for ReduceLROnPlateau and for combined schedulers among them.
    """

    REFUSED = (ReduceLROnPlateau, CombinedScheduler)

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        self._take(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got "
                f"{len(milestones)}"
            )
        check_milestones(self, milestones)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        # Each part wrote its first rate when it was made: take that back, and let only the first one start.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in schedulers:
            scheduler.last_epoch -= 1
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    @told
    @when_captured("host")
    def step(self) -> None:
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()
