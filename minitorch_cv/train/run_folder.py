"""The folder that a training run leaves behind."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .progress import Epoch

CONFIG, METRICS, CURVES, PREDICTIONS, WEIGHTS = FILES = (
    "config.json",
    "metrics.jsonl",
    "curves.png",
    "predictions.png",
    "weights.safetensors",
)


class RunFolder:
    """A folder with a run's settings, metrics, figures and weights.

    Made if it is not there; of an earlier run in the same folder, the files of these names are removed, so that what
    lies there afterwards belongs together. OSError where it cannot be made or written to.
    """

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (path / name).unlink(missing_ok=True)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep the settings and the circumstances of the run."""
        (self.path / CONFIG).write_text(json.dumps(config, indent=2) + "\n")

    def add_epoch(self, epoch: Epoch) -> None:
        """Append one line to the metrics; it is on disk when this returns."""
        with open(self.path / METRICS, "a") as file:
            file.write(json.dumps(asdict(epoch)) + "\n")

    def written(self) -> list[str]:
        """The names of the files that the run has left so far."""
        return [name for name in FILES if (self.path / name).exists()]


def unused_folder(parent: Path, model: str) -> Path:
    """A folder in `parent` named after the model and the time, that is not there yet."""
    stem = f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = parent / stem, 1
    while path.exists():
        number += 1
        path = parent / f"{stem}-{number}"
    return path
