"""How far training has come: what is told of a batch and of an epoch, and the position that a checkpoint keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .metrics import Averages


@dataclass(frozen=True)
class Step:
    """Where training stands after one batch; loss, accuracy and speed are those of the epoch so far."""

    epoch: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    images_per_second: float


@dataclass(frozen=True)
class Epoch:
    """What one epoch reached.

    train_loss and train_acc are averages over the epoch, taken while the weights change; test_acc is measured after it.
    images_per_second counts training (data, forward, backward, step), `seconds` the evaluation too.
    """

    epoch: int
    train_loss: float
    train_acc: float
    test_acc: float
    images_per_second: float
    seconds: float


@dataclass
class Progress:
    """The position in a training run: `batch` batches of epoch `epoch` (1, 2, ...) are done.

    averages and seconds are those of the epoch under way, history has the epochs before it. `fit` begins there and
    moves it on.
    """

    epoch: int = 1
    batch: int = 0
    averages: Averages = field(default_factory=Averages)
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)

    @property
    def images_per_second(self) -> float:
        """The speed of training in the epoch under way."""
        return self.averages.images / self.seconds

    def step(self, batches: int) -> Step:
        """Where training stands, for the callbacks."""
        averages = self.averages
        return Step(self.epoch, self.batch, batches, averages.loss, averages.accuracy, self.images_per_second)

    def end_epoch(self, test_acc: float, seconds: float) -> Epoch:
        """Note what the epoch reached, and begin the next one."""
        averages = self.averages
        epoch = Epoch(self.epoch, averages.loss, averages.accuracy, test_acc, self.images_per_second, seconds)
        self.history.append(epoch)
        self.epoch, self.batch, self.averages, self.seconds = self.epoch + 1, 0, Averages(), 0.0
        return epoch

    def state_dict(self) -> dict[str, Any]:
        """The position as plain numbers."""
        return asdict(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to a position that `state_dict` gave."""
        self.epoch, self.batch, self.seconds = state["epoch"], state["batch"], state["seconds"]
        self.averages = Averages(**state["averages"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
