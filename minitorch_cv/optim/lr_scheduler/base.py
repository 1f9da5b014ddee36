"""What schedules share: a count of steps, and a rate for every parameter group of an optimizer."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ...listening import told, when_captured
from ..optimizer import Group, Optimizer


class LRScheduler:
    """Writes param_groups[i]["lr"] when it is made and at every step(); subclasses define `get_lr`.

    last_epoch counts the steps: -1 starts afresh at each group's present rate, which is kept as "initial_lr"; k >= 0
    goes on after epoch k with an optimizer whose state was loaded. Call step() after the optimizer's.
    """

    NOT_SAVED = frozenset({"optimizer", "lr_lambdas", "_is_initial"})

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer = self.checked(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f'{self.name}: parameter group {i} has no "initial_lr" to go on from after last_epoch={last_epoch}'
                    "; load the optimizer's state first, or leave last_epoch=-1"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    @property
    def name(self) -> str:
        """The class as error messages call it."""
        return type(self).__name__

    def checked(self, optimizer: Any) -> Optimizer:
        """The optimizer; TypeError if it is none."""
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{self.name}: the first argument must be an optimizer, got {type(optimizer).__name__}; "
                "make the optimizer before its scheduler"
            )
        return optimizer

    def _initial_step(self) -> None:
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rate of each group at `last_epoch`, which has just been reached."""
        raise NotImplementedError

    def restart_lr(self) -> list[float]:
        """The rate of each group at epoch 0 when SequentialLR starts this schedule late."""
        return self.get_lr()

    @told
    @when_captured("host")
    def step(self) -> None:
        """One epoch, or one batch, further: the groups get their next rates."""
        self.last_epoch += 1
        self._write(self.get_lr())

    def restart(self) -> None:
        """Back to epoch 0."""
        self.last_epoch = 0
        self._write(self.restart_lr())

    def get_last_lr(self) -> list[float]:
        """The rates written last, one for each group."""
        return list(self._last_lr)

    def _write(self, rates: Sequence[float]) -> None:
        groups = self.optimizer.param_groups
        if len(rates) != len(groups):
            raise ValueError(
                f"{self.name}: the optimizer has {len(groups)} parameter groups but had {len(rates)} when the schedule "
                "was made; add groups before"
            )
        for group, rate in zip(groups, rates):
            group["lr"] = rate
        self._last_lr = current_rates(groups)

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule counts and was told, as plain numbers, without the optimizer and without functions.

        The rates themselves are in the optimizer's state: save and load both.
        """
        return copy.deepcopy({key: value for key, value in vars(self).items() if key not in self.NOT_SAVED})

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the schedule that gave `state_dict` stood; ValueError if it was of another kind."""
        ours = vars(self).keys() - self.NOT_SAVED
        if ours != state_dict.keys():
            raise ValueError(
                f"{self.name}: state_dict lacks {sorted(ours - state_dict.keys())} and has unknown "
                f"{sorted(state_dict.keys() - ours)}; was it saved by another kind of schedule?"
            )
        vars(self).update(copy.deepcopy(dict(state_dict)))


def current_rates(groups: Sequence[Group]) -> list[float]:
    """The rate of each parameter group now."""
    return [group["lr"] for group in groups]


def per_group(scheduler: LRScheduler, option: str, value: Any) -> list[Any]:
    """One value for each parameter group: a list as it is, anything else repeated."""
    count = len(scheduler.optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if len(value) != count:
        raise ValueError(
            f"{scheduler.name}: {option} has {len(value)} entries but the optimizer has {count} parameter groups; "
            "give one for each, or a single one for all"
        )
    return list(value)


def check_positive_integer(scheduler: LRScheduler, option: str, value: Any) -> None:
    """ValueError unless value is 1, 2, 3, ..."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{scheduler.name}: {option}={value!r} must be an integer of at least 1")


def check_milestones(scheduler: LRScheduler, milestones: Sequence[int]) -> None:
    """ValueError where a milestone comes before the one on its left."""
    if any(later < earlier for earlier, later in pairwise(milestones)):
        raise ValueError(f"{scheduler.name}: milestones={list(milestones)} must increase; sort them")
