"""The folder that a training run leaves behind."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any

from .checkpoint_file import CheckpointError, cannot_be_written
from .folder_lock import FolderLock
from .progress import Epoch, Progress
from .whole_file import TEMPORARY, write_whole

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

    Two, so that one is whole whatever happens to the other. The folder is made if it is not there, and held until
    `close`, so that no other process trains in it. What an earlier run left is not touched before the first file is
    written; then the files of these names are removed, so that what lies there afterwards belongs together. resumed:
    the checkpoint from which a run goes on; what the folder holds is then kept until newer files are on disk.

    FolderInUseError where another process trains in the folder, OSError where it cannot be made. What writes raises
    CheckpointError where a file cannot be written.
    """

    def __init__(self, path: Path, resumed: Path | None = None):
        self.path = path
        self.made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        self.lock = FolderLock(path)
        check_writable(path)
        self.newest = [resumed.resolve()] if resumed is not None else []
        self.goes_on = resumed is not None
        self.begun = False

    def close(self) -> None:
        """Let others write to the folder; one that was made for nothing is removed."""
        if self.made and not self.begun:
            with suppress(OSError):
                self.path.rmdir()
        self.lock.release()

    def holds_a_run(self) -> bool:
        """True where files of an earlier run lie in the folder."""
        return bool(self.written())

    def begin(self) -> None:
        """Remove what an earlier run left, once: from now on the folder belongs to this one."""
        if self.begun:
            return
        self.begun = True
        if not self.goes_on:
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
            self.remove_old_checkpoints()

    def write(self, name: str, content: bytes) -> None:
        """Put content into the file of this name, whole. CheckpointError where that cannot be done."""
        try:
            self.begin()
            write_whole(self.path / name, content)
        except OSError as error:
            raise CheckpointError(f"{self.path / name} {cannot_be_written(error)}") from error

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep the settings and the circumstances of the run."""
        self.write(CONFIG, (json.dumps(config, indent=2) + "\n").encode())

    def write_figure(self, name: str, figure: Any) -> None:
        """Keep a figure of matplotlib's."""
        content = BytesIO()
        figure.savefig(content, format="png")
        self.write(name, content.getvalue())

    def write_metrics(self, history: Iterable[Epoch]) -> None:
        """Keep what each epoch reached, a line for each."""
        lines = [json.dumps(asdict(epoch)) + "\n" for epoch in history]
        if lines:
            self.write(METRICS, "".join(lines).encode())

    def checkpoint_path(self, progress: Progress) -> Path:
        """Where the checkpoint of this position belongs; the names sort by position."""
        return self.path / f"checkpoint-{progress.epoch:05d}-{progress.batch:07d}.safetensors"

    def keep_checkpoint(self, path: Path) -> None:
        """Note that this checkpoint is whole, and remove all but it and the one before it."""
        self.begun = True
        path = path.resolve()
        self.newest = [*(other for other in self.newest if other != path), path][-KEPT:]
        self.remove_old_checkpoints()

    def remove_old_checkpoints(self) -> None:
        """Remove the checkpoints that are not among the newest, and what a killed process left half-written."""
        half_written = (self.path.glob(f"{name}.*{TEMPORARY}") for name in (*FILES, CHECKPOINTS))
        for path in (*self.path.glob(CHECKPOINTS), *chain.from_iterable(half_written)):
            if path.resolve() not in self.newest:
                with suppress(OSError):  # such as a folder that has become read-only: the next file will say so
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


def check_writable(folder: Path) -> None:
    """OSError where no file can be made in the folder."""
    with tempfile.TemporaryFile(dir=folder):
        pass


def new_folder(parent: Path, model: str) -> Path:
    """Make a folder in `parent` named after the model and the time, which no other process has."""
    stem = f"{model}-{time.strftime('%Y%m%d-%H%M%S')}"
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("numbers do not end")
