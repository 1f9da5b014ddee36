"""Trained networks, back from the files that `minitorch-cv train` leaves."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import models
from ..nn import Module
from .described import check_description
from .finetuning import replace_head
from .run_folder import WEIGHTS
from .weights import WeightsError, copy_weights, read_weights


class TrainedError(RuntimeError):
    """A trained network cannot be loaded; the message names the file and says what is wrong."""


@dataclass(frozen=True)
class Trained:
    """A trained network in evaluation mode, and what it was trained on.

    classes: their names, in the order of the network's outputs; channels and image_size: of the images that it takes,
    image_size the side of the square. metadata: all that the file says, the settings of the training among it.
    """

    network: Module
    model: str
    options: dict[str, Any]
    classes: list[str]
    channels: int
    image_size: int
    metadata: dict[str, Any]


def load_trained(path: str | os.PathLike[str]) -> Trained:
    """The network in a run's folder, or in its weights.safetensors, with the weights that it was trained to.

    TrainedError where there is no such file, where it is damaged, where it was not left by `minitorch-cv train` or
    `finetune`, and where its weights are not those of the network that it names.
    """
    file = weights_file(Path(path).expanduser())
    arrays, metadata = read_described(file)
    try:
        network = build_network(metadata)
        copy_weights(network, arrays)
    except Exception as error:  # a description made by hand lets builders fail in any way
        kind = "" if isinstance(error, (RuntimeError, TypeError, ValueError)) else f"{type(error).__name__}: "
        raise TrainedError(f"{file}: cannot be loaded: {kind}{error}") from error
    network.eval()
    return Trained(
        network,
        metadata["model"],
        metadata["options"],
        metadata["classes"],
        metadata["in_channels"],
        metadata["resize"],
        metadata,
    )


def weights_file(path: Path) -> Path:
    """The file itself, or the weights in a run's folder; TrainedError where there is none."""
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        what = f"no {WEIGHTS} in this folder" if path.is_dir() else "no such file or folder"
        raise TrainedError(f"{path}: {what}; name a folder that `minitorch-cv train` left, or its {WEIGHTS}")
    return file


def read_described(file: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The weights in the file, and what it says of their network; TrainedError where it says nothing sensible."""
    try:
        arrays, metadata = read_weights(file)
    except WeightsError as error:
        raise TrainedError(str(error)) from error
    except OSError as error:
        raise TrainedError(f"{file}: cannot be read ({error.strerror or error})") from error
    try:
        check_description(metadata, arrays)
    except ValueError as error:
        raise TrainedError(f"{file}: {error}; name the {WEIGHTS} that `minitorch-cv train` wrote") from error
    return arrays, metadata


def build_network(metadata: Mapping[str, Any]) -> Module:
    """The network that the metadata describe, with fresh weights.

    body_classes: for how many classes a fine-tuned network was built, before its head was replaced.
    """
    count = len(metadata["classes"])
    body_classes = metadata.get("body_classes", count)
    facts = (metadata["in_channels"], body_classes, metadata["resize"])
    network = models.build(metadata["model"], image_options(metadata["model"], metadata["options"], *facts))
    if body_classes != count:
        replace_head(network, count)
    return network


def image_options(
    model: str, options: Mapping[str, Any], in_channels: int, num_classes: int, image_size: int
) -> dict[str, Any]:
    """A network's options, with the channels, classes and size of the images as far as it asks for them."""
    known = inspect.signature(models.find(model)).parameters
    facts = {"in_channels": in_channels, "num_classes": num_classes, "image_size": image_size}
    return {**{name: value for name, value in facts.items() if name in known}, **options}
