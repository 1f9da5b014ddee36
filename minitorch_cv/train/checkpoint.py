"""Checkpoints: everything that a training run changes, in a file, so that it can go on as if never interrupted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minitorch_kernels.arrays import is_on_gpu, on_cpu

from .. import random
from ..random import Generator, generator_on
from ..tensor import Tensor
from .checkpoint_file import CheckpointError, read_file, write_file
from .ema import EMA
from .progress import Progress

Arrays = dict[str, np.ndarray]


@dataclass
class Checkpoint:
    """The parts of a training run that change: `save(path)` between two batches, `load(path)` into parts built alike.

    After a load, whatever seeds the parts were built with, `fit(..., progress=checkpoint.progress)` ends with the very
    weights, bit by bit, and the history that the run would have reached without the interruption. Saved are the model's
    state, the optimizer's, the schedule's, the averages, the position with its history, the state of train_loader's
    generator, of the default ones (dropout; on a GPU, that of the GPU) and of all in `generators`. What a caller builds
    is not: functions, data, which parameters are frozen.
    """

    model: Any
    optimizer: Any
    train_loader: Any
    progress: Progress = field(default_factory=Progress)
    scheduler: Any = None
    ema: EMA | None = None
    generators: Mapping[str, Generator] = field(default_factory=dict)

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None) -> None:
        """Write everything to `path`, with metadata (what JSON can hold) beside it.

        The file appears whole or not at all. CheckpointError, with an earlier file of this name unharmed, where the
        disk is full or does not let itself be written to.
        """
        arrays: Arrays = {}
        state = {
            "metadata": dict(metadata or {}),
            "progress": self.progress.state_dict(),
            "loader": self.train_loader.state_dict(),
            "generators": {name: generator.get_state() for name, generator in self.all_generators().items()},
            "gpu_generator": None if self.gpu_generator is None else self.gpu_generator.get_state(),
            "model": with_arrays_apart(self.model.state_dict(), "model", arrays),
            "optimizer": with_arrays_apart(self.optimizer.state_dict(), "optimizer", arrays),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "ema": self.ema and with_arrays_apart(self.ema.state_dict(), "ema", arrays),
        }
        write_file(Path(path), arrays, state)

    def load(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Bring all parts into the state that the file holds, and return its metadata.

        CheckpointError where the file is missing, foreign, truncated or altered (then nothing has changed), or where
        the parts are not built like those that were saved (then build them anew).
        """
        arrays, state = read_file(Path(path))
        metadata = metadata_of(state, path)
        try:
            self.check_parts(state)
            self.model.load_state_dict(with_arrays_back(state["model"], arrays))
            self.optimizer.load_state_dict(optimizer_state(with_arrays_back(state["optimizer"], arrays)))
            if self.scheduler is not None:
                self.scheduler.load_state_dict(state["scheduler"])
            if self.ema is not None:
                self.ema.load_state_dict(with_arrays_back(state["ema"], arrays))
            self.progress.load_state_dict(state["progress"])
            self.train_loader.load_state_dict(state["loader"])
            if self.progress.batch == state["loader"]["batch"] == len(self.train_loader):
                self.end_epoch_of_loader()
            for name, generator in self.all_generators().items():  # after the loader, which may have drawn from them
                generator.set_state(state["generators"][name])
            if self.gpu_generator is not None and state.get("gpu_generator") is not None:
                self.gpu_generator.set_state(state["gpu_generator"])
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise CheckpointError(f"{path}: does not fit: {reason}") from error
        return metadata

    def end_epoch_of_loader(self) -> None:
        """Let the loader notice that it has no further batch, as `fit` does not ask it for one any more."""
        for _ in self.train_loader:
            pass

    def all_generators(self) -> dict[str, Generator]:
        """The caller's generators and the default one."""
        return {**self.generators, "default": random.default_generator}

    @property
    def gpu_generator(self) -> Generator | None:
        """The default generator of the GPU that the model is on, None on the CPU.

        A run that is saved on one device may go on on another; what the other one draws is then its own affair.
        """
        places = {parameter.device for parameter in self.model.parameters()}
        return next((generator_on(place) for place in places if place != "cpu"), None)

    def check_parts(self, state: Mapping[str, Any]) -> None:
        """ValueError where the run that was saved had other parts."""
        for part in ("scheduler", "ema"):
            if (state[part] is None) != (getattr(self, part) is None):
                raise ValueError(f"it was saved with{'out' if state[part] is None else ''} {part}; build the run alike")
        ours, theirs = sorted(self.all_generators()), sorted(state["generators"])
        if ours != theirs:
            raise ValueError(f"it has the generators {theirs} but there are {ours}; build the run alike")


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata of a checkpoint, after verifying the whole file as `Checkpoint.load` does."""
    return metadata_of(read_file(Path(path))[1], path)


def metadata_of(state: Any, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The metadata in what a checkpoint says; CheckpointError where it has none."""
    if not isinstance(state, dict) or "metadata" not in state:
        raise CheckpointError(f"{path}: not of a training run: it has no metadata; begin anew, or name another file")
    return state["metadata"]


def with_arrays_apart(state: Any, name: str, arrays: Arrays) -> Any:
    """The state with each tensor and array put into `arrays`, under a dotted name that stands in its place."""
    if isinstance(state, Mapping):
        return {key: with_arrays_apart(value, f"{name}.{key}", arrays) for key, value in state.items()}
    if isinstance(state, (Tensor, np.ndarray)) or is_on_gpu(state):
        array = state._array if isinstance(state, Tensor) else state
        arrays[name] = on_cpu(array) if is_on_gpu(array) else array
        return {"array": name}
    return state


def with_arrays_back(state: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The state with its arrays in their places."""
    if isinstance(state, Mapping):
        if state.keys() == {"array"} and isinstance(state["array"], str):
            return arrays[state["array"]]
        return {key: with_arrays_back(value, arrays) for key, value in state.items()}
    return state


def optimizer_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's state with the whole numbers and pairs (such as betas) that JSON turned into text and lists."""
    entries = {int(position): entry for position, entry in state["state"].items()}
    return {"state": entries, "param_groups": [with_pairs(group) for group in state["param_groups"]]}


def with_pairs(group: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a group, with tuples where JSON made lists of them."""
    lists = {key for key, value in group.items() if isinstance(value, list) and key != "params"}
    return {key: tuple(value) if key in lists else value for key, value in group.items()}
