"""The folder that a training run leaves behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .checkpoint_file import TEMPORARY, CheckpointError
from .progress import Epoch, Progress

CONFIG, METRICS, CURVES, PREDICTIONS, WEIGHTS = FILES = (
    "config.json",
    "metrics.jsonl",
    "curves.png",
    "predictions.png",
    "weights.safetensors",
)
CHECKPOINTS = "checkpoint-*.safetensors"
KEPT = 2


class RunFolder:
    """A folder with a run's settings, metrics, figures, weights, and its last two checkpoints.

    Two, so that one is whole whatever happens to the other. Made if it is not there; of an earlier run in the same
    folder, the files of these names are removed, so that what lies there afterwards belongs together. resumed: the
    checkpoint from which a run goes on; those in the folder are then kept until newer ones are on disk. OSError where
    the folder cannot be made or written to.
    """

    def __init__(self, path: Path, resumed: Path | None = None):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (path / name).unlink(missing_ok=True)
        self.newest = [resumed.resolve()] if resumed is not None else []
        if resumed is None:
            self.remove_old_checkpoints()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep the settings and the circumstances of the run."""
        (self.path / CONFIG).write_text(json.dumps(config, indent=2) + "\n")

    def add_epoch(self, epoch: Epoch) -> None:
        """Append one line to the metrics; it is on disk when this returns."""
        with open(self.path / METRICS, "a") as file:
            file.write(json.dumps(asdict(epoch)) + "\n")

    def add_epochs(self, history: Iterable[Epoch]) -> None:
        """The lines of the epochs before a run goes on."""
        for epoch in history:
            self.add_epoch(epoch)

    def checkpoint_path(self, progress: Progress) -> Path:
        """Where the checkpoint of this position belongs; the names sort by position."""
        return self.path / f"checkpoint-{progress.epoch:05d}-{progress.batch:07d}.safetensors"

    def keep_checkpoint(self, path: Path) -> None:
        """Note that this checkpoint is whole, and remove all but it and the one before it."""
        path = path.resolve()
        self.newest = [*(other for other in self.newest if other != path), path][-KEPT:]
        self.remove_old_checkpoints()

    def remove_old_checkpoints(self) -> None:
        """Remove the checkpoints that are not among the newest, and what a killed process left half-written."""
        for path in (*self.path.glob(CHECKPOINTS), *self.path.glob(CHECKPOINTS + TEMPORARY)):
            if path.resolve() not in self.newest:
                path.unlink(missing_ok=True)

    def written(self) -> list[str]:
        """The names of the files that the run has left so far."""
        checkpoints = sorted(path.name for path in self.path.glob(CHECKPOINTS))
        return [name for name in FILES if (self.path / name).exists()] + checkpoints


def find_checkpoint(path: Path) -> Path:
    """The file itself, or the newest checkpoint in a run's folder. CheckpointError where there is none."""
    if not path.is_dir():
        return path
    checkpoints = sorted(path.glob(CHECKPOINTS))
    if not checkpoints:
        raise CheckpointError(f"{path}: no checkpoint in this folder ({CHECKPOINTS}); name a run's folder or file")
    return checkpoints[-1]


def unused_folder(parent: Path, model: str) -> Path:
    """A folder in `parent` named after the model and the time, that is not there yet."""
    stem = f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = parent / stem, 1
    while path.exists():
        number += 1
        path = parent / f"{stem}-{number}"
    return path
