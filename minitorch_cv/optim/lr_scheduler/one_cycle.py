"""One rise and one long fall of the rate, while momentum goes the other way."""

from __future__ import annotations

from ..optimizer import Group, Optimizer
from .base import LRScheduler, check_positive_integer, per_group
from .cosine import half_cosine


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr, then down to max_lr / (div_factor final_div_factor).

    The rise takes pct_start of total_steps = epochs * steps_per_epoch, along half a cosine or a line (anneal_strategy
    "cos" or "linear"). With three_phase the fall first goes back to the start as fast as the rise. With cycle_momentum
    the momentum (of Adam: beta1) falls from max_momentum to base_momentum and comes back. Call step() after every
    batch. Source: Smith & Topin 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 10000.0,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        self.optimizer = self.checked(optimizer)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start={pct_start} must be between 0 and 1")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy={anneal_strategy!r} must be 'cos' or 'linear'")
        self.total_steps = self._count_steps(total_steps, epochs, steps_per_epoch)
        self.pct_start = pct_start
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.three_phase = three_phase
        if cycle_momentum and not {"momentum", "betas"} & optimizer.defaults.keys():
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum to cycle; give cycle_momentum=False"
            )
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, per_group(self, "max_lr", max_lr)):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if last_epoch == -1 and cycle_momentum:
            for option, value in (("max_momentum", max_momentum), ("base_momentum", base_momentum)):
                for group, momentum in zip(optimizer.param_groups, per_group(self, option, value)):
                    group[option] = momentum
        super().__init__(optimizer, last_epoch)

    def _count_steps(self, total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
        if total_steps is not None:
            check_positive_integer(self, "total_steps", total_steps)
            return total_steps
        if epochs is None or steps_per_epoch is None:
            raise ValueError(
                f"OneCycleLR: give total_steps, or both epochs and steps_per_epoch; got epochs={epochs} and "
                f"steps_per_epoch={steps_per_epoch}"
            )
        check_positive_integer(self, "epochs", epochs)
        check_positive_integer(self, "steps_per_epoch", steps_per_epoch)
        return epochs * steps_per_epoch

    def _phases(self) -> list[tuple[float, tuple[str, str], tuple[str, str]]]:
        """(last step, from and to which rate, from and to which momentum) of each phase, as options of a group."""
        rise_end, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        rise = (rise_end, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        if not self.three_phase:
            return [rise, (last, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
        return [
            rise,
            (2 * rise_end, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
            (last, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
        ]

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {self.last_epoch} lies beyond total_steps={self.total_steps}; total_steps should be "
                "epochs times batches"
            )
        phases = self._phases()
        start = 0.0
        while len(phases) > 1 and self.last_epoch > phases[0][0]:
            start = phases.pop(0)[0]
        end, rates, momentums = phases[0]
        position = (self.last_epoch - start) / (end - start) if end > start else 1.0
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                set_momentum(group, self._between(group, momentums, position))
        return [self._between(group, rates, position) for group in self.optimizer.param_groups]

    def _between(self, group: Group, ends: tuple[str, str], position: float) -> float:
        start, end = (group[option] for option in ends)
        if self.anneal_strategy == "cos":
            return half_cosine(start, end, position)
        return start + (end - start) * position


def set_momentum(group: Group, momentum: float) -> None:
    """Write a group's momentum, or its beta1."""
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
