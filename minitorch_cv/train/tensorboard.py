"""Curves for TensorBoard, written while training runs."""

from __future__ import annotations

import os
from typing import Any

from .progress import Epoch, Step


class TensorBoard:
    """Writes loss, accuracy and speed into `folder`: `fit(..., on_step=board.on_step, on_epoch=board.on_epoch)`.

    Entries of batches stand at their number since the run began, entries of epochs at the epoch's. close() when done.
    ImportError where tensorboardX, which writes the files, is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError(
                "TensorBoard: needs the package tensorboardX; install it with: pip install 'minitorch-cv[tensorboard]'"
            ) from error
        self.writer: Any = SummaryWriter(os.fspath(folder))

    def on_step(self, step: Step) -> None:
        """One batch: loss and accuracy of the epoch so far."""
        number = (step.epoch - 1) * step.batches + step.batch
        self.writer.add_scalar("batch/loss", step.loss, number)
        self.writer.add_scalar("batch/accuracy", step.accuracy, number)

    def on_epoch(self, epoch: Epoch) -> None:
        """One epoch: all that was measured."""
        for name in ("train_loss", "train_acc", "test_acc", "images_per_second"):
            self.writer.add_scalar(f"epoch/{name}", getattr(epoch, name), epoch.epoch)
        self.writer.flush()

    def close(self) -> None:
        """Write what is left, and end."""
        self.writer.close()
